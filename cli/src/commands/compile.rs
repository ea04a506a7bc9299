//! `racecheck rustc`, and the compilation of a single file for `racecheck run`.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::cache::Cache;
use crate::cargo::{self, Config, Line};
use crate::error::{Error, Result};
use crate::kit::Kit;
use crate::options::Manner;
use crate::progress::Progress;
use crate::session;
use crate::wrapper;

/// Edition of a single file that says nothing else; rustc's own default is the oldest.
const EDITION: &str = "--edition=2021";

/// Calls rustc with these arguments and instrumentation.
pub fn rustc(manner: Manner, words: Vec<OsString>) -> Result<ExitCode> {
    let mut rustc = command(manner, words)?;
    let source = rustc.exec();
    Err(Error::Start { program: rustc.get_program().to_string_lossy().into_owned(), source, hint: "" })
}

/// Compiles `file` with these options for rustc to the program `output`. The status is rustc's.
pub fn compile(
    file: &Path,
    options: Vec<OsString>,
    manner: Manner,
    output: &Path,
) -> Result<Result<(), ExitCode>> {
    let mut words = options;
    if !words.iter().any(|word| word.as_encoded_bytes().starts_with(b"--edition")) {
        words.push(EDITION.into());
    }
    words.extend([file.into(), "-o".into(), output.into()]);
    let mut rustc = command(manner, words)?;
    let status = rustc.status().map_err(|source| Error::Start {
        program: rustc.get_program().to_string_lossy().into_owned(),
        source,
        hint: "",
    })?;
    Ok(match status.success() {
        true => Ok(()),
        false => Err(ExitCode::from(session::of_child(status))),
    })
}

fn command(manner: Manner, words: Vec<OsString>) -> Result<Command> {
    let here = std::env::current_dir().map_err(Error::file("find", "."))?;
    let config = Config::read(&here, &Line::default())?;
    cargo::check_target(&Line::new(words.clone()), &Config::default())?;
    let toolchain = cargo::toolchain(&config)?;
    let kit = Kit::ensure(
        &toolchain,
        &Cache::locate()?,
        manner.debug,
        &manner.focus,
        &Progress::new(manner.verbosity),
    )?;
    let mut words = wrapper::Call::new([toolchain.rustc].into_iter().chain(words).collect())
        .for_checking(&kit, wrapper::Caller::Person)
        .into_iter();
    let mut rustc = Command::new(words.next().unwrap_or_else(|| "rustc".into()));
    rustc.args(words);
    Ok(rustc)
}
