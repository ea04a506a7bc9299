//! Everything that can stop racecheck itself, as one type.
//!
//! Each message says what was tried, what was found and what to do next. Failures of the program under
//! test, of its build or of its tests are no errors here: they are exit statuses.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use racecheck_report::options::OptionError;

use crate::binary::NotRunnable;

/// The status with which racecheck ends when it could not do its own job.
pub const EXIT_STATUS: u8 = 2;

/// Short for a result with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What stopped racecheck.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file given to `racecheck run` can't be run under it.
    #[error("{0}")]
    NotRunnable(#[from] NotRunnable),
    /// `RACECHECK_OPTIONS` can't be understood.
    #[error("{0}")]
    Options(#[from] OptionError),
    /// `RACECHECK_OPTIONS` is not even text.
    #[error("RACECHECK_OPTIONS is not UTF-8")]
    OptionsNotText,
    /// A program that racecheck needs could not be started.
    #[error("could not start {program}: {source}{hint}")]
    Start {
        /// What was to be started.
        program: String,
        /// Why it failed.
        source: std::io::Error,
        /// What to do, in a sentence of its own, or nothing.
        hint: &'static str,
    },
    /// rustc or cargo did not answer a question about itself.
    #[error("`{command}` failed ({status}): {}", message.trim())]
    Query {
        /// The question.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to stderr.
        message: String,
    },
    /// rustc or cargo answered something that racecheck does not understand.
    #[error("`{command}` answered without {missing}: this compiler is not supported")]
    Answer {
        /// The question.
        command: String,
        /// What the answer lacks.
        missing: &'static str,
    },
    /// Programs for this target can't be checked.
    #[error("racecheck supports x86_64-unknown-linux-gnu only, not {target}{why}")]
    Target {
        /// The target that was asked for.
        target: String,
        /// Where it came from, to be appended.
        why: &'static str,
    },
    /// The toolchain lacks a part.
    #[error(
        "the toolchain at {} has no {part} (looked for {}): racecheck makes its instrumented standard \
         library with it. Use a toolchain installed by rustup (`rustup toolchain install stable`, then \
         `racecheck +stable …`), or build a custom one with `rust.lld = true`",
        sysroot.display(), path.display()
    )]
    NoTool {
        /// Root of the toolchain.
        sysroot: PathBuf,
        /// What is missing.
        part: &'static str,
        /// Where it should be.
        path: PathBuf,
    },
    /// The toolchain has no standard library for the target.
    #[error(
        "the toolchain at {} has no {library} for {target}: install it (`rustup target add {target}`)",
        sysroot.display()
    )]
    NoLibrary {
        /// Root of the toolchain.
        sysroot: PathBuf,
        /// Which library.
        library: &'static str,
        /// For which target.
        target: String,
    },
    /// A library of the toolchain carries no bitcode.
    #[error(
        "{} carries no LLVM bitcode, so it can't be instrumented: racecheck needs the standard library as \
         rustup distributes it (a custom toolchain has bitcode when it was built with \
         `rust.codegen-units-std = 1` and `-C embed-bitcode=yes`). Try `racecheck +stable …`",
        library.display()
    )]
    NoBitcode {
        /// The library.
        library: PathBuf,
    },
    /// A library of the toolchain can't be read as what it is.
    #[error("{} could not be read as a library: {reason}. Reinstall the toolchain", library.display())]
    BrokenLibrary {
        /// The library.
        library: PathBuf,
        /// What the reader says.
        reason: String,
    },
    /// The object that leads to the program's allocator can't be made.
    #[error("{object} could not be made: {reason}. This is a mistake of racecheck's: please report it")]
    Bridge {
        /// The object's name.
        object: &'static str,
        /// What the writer says.
        reason: String,
    },
    /// rust-lld failed to compile bitcode.
    #[error("rust-lld could not instrument {library} ({status}):\n{}", message.trim_end())]
    Codegen {
        /// Which library.
        library: String,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote.
        message: String,
    },
    /// No folder for the cache could be found.
    #[error(
        "no folder for racecheck's cache: none of RACECHECK_CACHE, XDG_CACHE_HOME and HOME is set. Set \
         RACECHECK_CACHE to a folder that racecheck may write to"
    )]
    NoCacheFolder,
    /// The cache is at a place that can't be told to LLVM.
    #[error(
        "the path of racecheck's cache, `{}`, has white space in it, where rustc would take it apart. Set \
         RACECHECK_CACHE to a folder without",
        cache.display()
    )]
    WhiteSpace {
        /// The cache.
        cache: PathBuf,
    },
    /// A file or folder can't be used.
    #[error("could not {doing} {}: {source}{hint}", path.display())]
    File {
        /// What was tried, as a verb.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
        /// What to do, in a sentence of its own, or nothing.
        hint: &'static str,
    },
    /// A cargo config file is no TOML.
    #[error("cargo's config file {} can't be read: {reason}", path.display())]
    CargoConfig {
        /// The file.
        path: PathBuf,
        /// What the parser says.
        reason: String,
    },
    /// A baseline that can't be understood.
    #[error(
        "{}:{line}: {problem}. `racecheck report baseline FILE… --output BASELINE` writes one", path.display()
    )]
    Baseline {
        /// The file.
        path: PathBuf,
        /// Its line.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// Suppressions that can't be understood.
    #[error("suppressions can't be used, and nothing was run:\n  {problems}")]
    Suppressions {
        /// Every line that is wrong, with its file.
        problems: String,
    },
    /// There is no such format.
    #[error("{0}")]
    Format(#[from] racecheck_report::format::NoSuchFormat),
    /// An output of which the format can't be told.
    #[error(
        "the ending of {} tells no format: name one, as in `--format {}={}` (formats: {})",
        path.display(), racecheck_report::format::Format::Json, path.display(),
        racecheck_report::format::format_names()
    )]
    OutputFormat {
        /// The file.
        path: PathBuf,
    },
    /// A document was asked for where reports go one by one.
    #[error("{format} is a document: it needs a file, as in `--format {format}={example}`")]
    NeedsFile {
        /// The format.
        format: racecheck_report::format::Format,
        /// A name for the file.
        example: &'static str,
    },
    /// More than one format for the one place where reports are shown.
    #[error("reports can be shown in one format only; the others need files, as in `--format {format}=FILE`")]
    TwoFormats {
        /// The second one.
        format: racecheck_report::format::Format,
    },
    /// A merge reads its inputs twice.
    #[error("{} is no regular file: a merge reads its inputs twice. Save it to a file first", path.display())]
    NotAFile {
        /// What was given.
        path: PathBuf,
    },
    /// A folder without files of findings.
    #[error("there is no file *.{ending} in {}", folder.display())]
    NoReports {
        /// The folder.
        folder: PathBuf,
        /// The ending that was looked for.
        ending: &'static str,
    },
    /// There is no such code.
    #[error("there is no code {code:?}: `racecheck explain` lists them")]
    NoSuchCode {
        /// What was given.
        code: String,
    },
    /// An option needs a value.
    #[error("{option} needs a value: {example}")]
    MissingValue {
        /// The option.
        option: String,
        /// How it is written.
        example: &'static str,
    },
    /// A probe of `racecheck doctor` went wrong.
    #[error("{what}. Please report this as a bug of racecheck, with all that doctor says")]
    Probe {
        /// What was seen.
        what: String,
    },
    /// Something that racecheck's own installation should have is gone.
    #[error("racecheck could not find its own executable: {0}")]
    OwnExecutable(std::io::Error),
}

impl Error {
    /// An error about a file.
    pub fn file(doing: &'static str, path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.as_ref().to_owned();
        move |source| Error::File { doing, path, source, hint: "" }
    }

    /// An error about a file in the cache.
    pub fn cache(doing: &'static str, path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Error {
        let path = path.as_ref().to_owned();
        move |source| Error::File {
            doing,
            path,
            source,
            hint: ". Set RACECHECK_CACHE to a folder that racecheck may write to",
        }
    }
}
