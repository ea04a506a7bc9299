//! What can go wrong while the runtime is built, each with what to do about it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus};

#[derive(Debug)]
pub enum Error {
    /// Cargo did not set a variable that it sets for every build script.
    Variable(&'static str),
    /// The detector's sources are in neither place.
    NoSources { repository: PathBuf, packed: PathBuf },
    /// A manifest of the detector's sources is no TOML.
    Manifest { path: PathBuf, reason: String },
    /// The toolchain lacks one of the programs that packing needs.
    NoTool { tool: &'static str, path: PathBuf },
    /// A program could not be started.
    Start { command: String, source: std::io::Error },
    /// A program failed; its own messages were passed on.
    Failed { command: String, status: ExitStatus },
    /// A file could not be read or written.
    File { doing: &'static str, path: PathBuf, source: std::io::Error },
    /// A file is no archive or no object file.
    Object { path: PathBuf, source: object::Error },
    /// The static library has none of the symbols that a runtime exports.
    NothingExported(PathBuf),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Variable(name) => write!(f, "cargo did not set {name} for this build script"),
            Error::NoSources { repository, packed } => write!(
                f,
                "no sources of the detector runtime in {} (a checkout of the repository) or {} (a package): get \
                 racecheck-cli again",
                repository.display(),
                packed.display()
            ),
            Error::Manifest { path, reason } => write!(f, "{} is no manifest: {reason}", path.display()),
            Error::NoTool { tool, path } => write!(
                f,
                "this toolchain has no {tool} (looked for {}): build racecheck with a toolchain installed \
                 by rustup, whose rustc component holds it",
                path.display()
            ),
            Error::Start { command, .. } => write!(f, "{command} could not be started"),
            Error::Failed { command, status } => write!(f, "{command} failed ({status})"),
            Error::File { doing, path, .. } => write!(f, "could not {doing} {}", path.display()),
            Error::Object { path, .. } => write!(f, "{} could not be read as object code", path.display()),
            Error::NothingExported(path) => write!(
                f,
                "{} defines neither __tsan_* nor racecheck_intercept_* symbols: it is not the runtime",
                path.display()
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Start { source, .. } | Error::File { source, .. } => Some(source),
            Error::Object { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// A variable that cargo sets for every build script.
pub fn variable(name: &'static str) -> Result<OsString, Error> {
    std::env::var_os(name).ok_or(Error::Variable(name))
}

/// Runs a program to its successful end.
pub fn run(command: &mut Command) -> Result<(), Error> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|source| Error::Start { command: name, source })?;
    if status.success() {
        return Ok(());
    }
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line = words.collect::<Vec<_>>().join(OsStr::new(" "));
    Err(Error::Failed { command: line.to_string_lossy().into_owned(), status })
}
