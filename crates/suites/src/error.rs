//! What can keep a suite from being judged.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why there is no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder.
    #[error("could not {doing} {}: {source}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A program that can't be started.
    #[error("could not start {program}: {source}")]
    Start {
        /// Which.
        program: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Cargo does not find the crate.
    #[error("cargo could not fetch {name} {version}: {said}")]
    Fetch {
        /// Of the crate.
        name: String,
        /// The requirement.
        version: String,
        /// Cargo's error.
        said: String,
    },
    /// Cargo's answer lacks something.
    #[error("`cargo metadata` does not tell where {name} was unpacked")]
    NotUnpacked {
        /// Of the crate.
        name: String,
    },
    /// The tests can't be built without racecheck either, so there is nothing to compare with.
    #[error("its tests do not build natively; cargo's output is in {}", log.display())]
    NativeBuild {
        /// Cargo's output.
        log: PathBuf,
    },
    /// The tests build natively, but not with instrumentation.
    #[error("builds natively, but not under racecheck; the output is in {}", log.display())]
    CheckedBuild {
        /// Cargo's output.
        log: PathBuf,
    },
    /// A program for an advisory does not build.
    #[error("does not build; the output is in {}", log.display())]
    Build {
        /// Cargo's output.
        log: PathBuf,
    },
    /// Something took too long and was ended.
    #[error("{what} took longer than {} s and was ended; its output is in {}", limit.as_secs(), log.display())]
    TooLong {
        /// What.
        what: &'static str,
        /// How long it might have taken.
        limit: Duration,
        /// What it printed.
        log: PathBuf,
    },
    /// The racecheck to test is not there.
    #[error(
        "there is no racecheck at {}: build it (`cargo build --release -p racecheck-cli`), or say where it is by --racecheck",
        path.display()
    )]
    NoRacecheck {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// `--only` names what is not in the table.
    #[error("{name} is not in the table; it has {known}")]
    NotInTable {
        /// What was asked for.
        name: String,
        /// What there is.
        known: String,
    },
    /// A program of `testdata/rustsec` does not say which function has to be in a stack.
    #[error("{} has no line `//@ frame: NAME`", path.display())]
    NoFrame {
        /// The program.
        path: PathBuf,
    },
}

/// A result of this program.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// For `map_err`: an error with a file.
    pub fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Error::File { doing, path, source }
    }
}
