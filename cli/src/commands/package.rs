//! Commands that build a package: `build`, `test`, `bench`, and `run` without a file.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

use crate::cache::Cache;
use crate::cargo::{self, Config, Line, Placement, Project};
use crate::error::{Error, Result};
use crate::kit::Kit;
use crate::options::{Manner, ReportOptions};
use crate::progress::{Progress, Verbosity};
use crate::session::{self, Setting, StatusOf};

/// Builds, and runs nothing.
pub fn build(manner: Manner, words: Vec<OsString>) -> Result<ExitCode> {
    // Programs read them when they run, which may be now and here.
    session::options()?;
    let line = Line::new(words);
    match prepare(&["build"], manner, &line)? {
        Prepared::Ready { mut cargo, .. } => {
            let status = cargo.status().map_err(|source| Error::Start {
                program: cargo.get_program().to_string_lossy().into_owned(),
                source,
                hint: "",
            })?;
            Ok(ExitCode::from(session::of_child(status)))
        }
        Prepared::NoProject(status) => Ok(status),
    }
}

/// Builds and runs what is built, with its races reported.
pub fn check(
    subcommand: &[&str],
    status_of: StatusOf,
    manner: Manner,
    reports: ReportOptions,
    words: Vec<OsString>,
) -> Result<ExitCode> {
    let options = session::options()?;
    let line = Line::new(words);
    match prepare(subcommand, manner, &line)? {
        Prepared::Ready { cargo, project } => {
            let workspace_root = project.workspace_root;
            session::run(*cargo, Setting { options, reports, workspace_root, status_of })
        }
        Prepared::NoProject(status) => Ok(status),
    }
}

/// Runs cargo-nextest with its command, which comes first, and its options.
pub fn nextest(manner: Manner, reports: ReportOptions, mut words: Vec<OsString>) -> Result<ExitCode> {
    let has_command = words.first().is_some_and(|word| !word.as_encoded_bytes().starts_with(b"-"));
    let command = if has_command { words.remove(0) } else { OsString::new() };
    let command = command.to_string_lossy();
    let subcommand: &[&str] = if has_command { &["nextest", &command] } else { &["nextest"] };
    check(subcommand, StatusOf::EachProcess, manner, reports, words)
}

/// Cargo, ready to be started.
enum Prepared {
    Ready {
        cargo: Box<Command>,
        project: Project,
    },
    /// There is nothing to build here. Cargo has said why, and this is its status.
    NoProject(ExitCode),
}

fn prepare(subcommand: &[&str], manner: Manner, line: &Line) -> Result<Prepared> {
    let here = std::env::current_dir().map_err(Error::file("find", "."))?;
    let config = Config::read(&here, line)?;
    cargo::check_target(line, &config)?;
    let project = match Project::query(line)? {
        Ok(project) => project,
        Err(none) => return Ok(Prepared::NoProject(ExitCode::from(session::of_child(none.status)))),
    };
    heed_colour(line);
    let verbosity = match line.has(&["-q", "--quiet"]) {
        true => Verbosity::Quiet,
        false => manner.verbosity,
    };
    let toolchain = cargo::toolchain(&config)?;
    let kit =
        Kit::ensure(&toolchain, &Cache::locate()?, manner.debug, &manner.focus, &Progress::new(verbosity))?;
    let placement = Placement::of(&project, line);
    let cargo = cargo::command(subcommand, line, &placement, &cargo::environment(&kit, &config, manner.c));
    Ok(Prepared::Ready { cargo: Box::new(cargo), project })
}

/// Cargo's `--color` is for reports too.
fn heed_colour(line: &Line) {
    let choice = match line.value("--color").and_then(|choice| choice.to_str()) {
        Some("always") => anstream::ColorChoice::Always,
        Some("never") => anstream::ColorChoice::Never,
        _ => return,
    };
    choice.write_global();
}
