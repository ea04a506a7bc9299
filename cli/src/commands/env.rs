//! `racecheck env`: what to set so that plain cargo builds checked programs.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use crate::cache::Cache;
use crate::cargo::{self, Config, Environment, Line, Placement, Project};
use crate::error::{Error, Result};
use crate::kit::Kit;
use crate::options::{EnvOptions, Manner};
use crate::progress::Progress;
use crate::session;
use crate::toolchain::TARGET;

/// Prints it for a shell.
pub fn print(manner: Manner, options: EnvOptions) -> Result<ExitCode> {
    let manifest =
        options.manifest_path.into_iter().flat_map(|path| [OsString::from("--manifest-path"), path]);
    let line = Line::new(manifest.collect());
    let here = std::env::current_dir().map_err(Error::file("find", "."))?;
    let config = Config::read(&here, &line)?;
    cargo::check_target(&line, &config)?;
    let project = match Project::query(&line)? {
        Ok(project) => project,
        Err(none) => return Ok(ExitCode::from(session::of_child(none.status))),
    };
    let progress = Progress::new(manner.verbosity);
    let toolchain = cargo::toolchain(&config)?;
    let kit = Kit::ensure(&toolchain, &Cache::locate()?, manner.debug, &manner.focus, &progress)?;
    let mut environment = cargo::environment(&kit, &config, manner.c);
    let placement = Placement::of(&project, &line);
    let folders =
        [("CARGO_TARGET_DIR", placement.target_dir), ("CARGO_BUILD_BUILD_DIR", placement.build_dir)];
    environment.push(("CARGO_BUILD_TARGET".into(), TARGET.into()));
    environment.extend(folders.into_iter().filter_map(|(name, folder)| Some((name.into(), folder?.into()))));
    write(&environment).map_err(Error::file("write to", "stdout"))?;
    Ok(ExitCode::SUCCESS)
}

fn write(environment: &Environment) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for (name, value) in environment {
        writeln!(out, "export {}={}", name.to_string_lossy(), quoted(&value.to_string_lossy()))?;
    }
    out.flush()
}

/// As one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting_survives_quotes() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
