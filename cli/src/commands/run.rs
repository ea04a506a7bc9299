//! `racecheck run`: a program, a source file, or a package.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use super::{compile, package};
use crate::binary::{self, Detector};
use crate::error::{Error, Result};
use crate::options::{Manner, ReportOptions};
use crate::session::{self, Setting, StatusOf};
use crate::shim;

/// What there is to run.
#[derive(Debug, PartialEq, Eq)]
enum Subject {
    /// A program that was built before.
    Program { path: PathBuf, arguments: Vec<OsString> },
    /// A source file, with options for rustc.
    Source { path: PathBuf, options: Vec<OsString>, arguments: Vec<OsString> },
    /// The package here, with everything for cargo.
    Package(Vec<OsString>),
}

/// Runs it, with its races reported.
pub fn run(manner: Manner, reports: ReportOptions, words: Vec<OsString>) -> Result<ExitCode> {
    match Subject::of(words) {
        Subject::Program { path, arguments } => {
            let options = session::options()?;
            let detector = binary::check(&path)?;
            let mut command = Command::new(with_folder(&path));
            command.args(arguments);
            if detector == Detector::Shim {
                shim::switch_on(&mut command);
            }
            session::run(command, Setting { options, reports, workspace_root: here()?, ..Setting::default() })
        }
        Subject::Source { path, options: rustc, arguments } => {
            let options = session::options()?;
            binary::check_source(&path)?;
            let folder = tempfile::Builder::new()
                .prefix("racecheck-run-")
                .tempdir()
                .map_err(Error::file("create a folder in", std::env::temp_dir()))?;
            let program = folder.path().join(path.file_stem().unwrap_or("main".as_ref()));
            if let Err(status) = compile::compile(&path, rustc, manner, &program)? {
                return Ok(status);
            }
            let mut command = Command::new(&program);
            command.args(arguments);
            session::run(command, Setting { options, reports, workspace_root: here()?, ..Setting::default() })
        }
        Subject::Package(words) => package::check(&["run"], StatusOf::Session, manner, reports, words),
    }
}

fn here() -> Result<PathBuf> {
    std::env::current_dir().map_err(Error::file("find", "."))
}

/// A bare name is a file here, not one to be looked for in `PATH`.
fn with_folder(path: &Path) -> PathBuf {
    match path.components().count() {
        1 => Path::new(".").join(path),
        _ => path.to_owned(),
    }
}

impl Subject {
    /// The first word decides: a file if it is no option. Options for rustc may come before a `.rs` file;
    /// everything else is cargo's.
    fn of(words: Vec<OsString>) -> Self {
        let mut at = 0;
        while let Some(word) = words.get(at) {
            let text = word.to_string_lossy();
            if !text.starts_with('-') || text == "-" {
                break;
            }
            match rustc_option_length(&text) {
                Some(length) => at += length,
                None => return Subject::Package(words),
            }
        }
        let Some(file) = words.get(at) else { return Subject::Package(words) };
        let path = PathBuf::from(file);
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        if !is_source && at > 0 {
            return Subject::Package(words);
        }
        let arguments = words[at + 1..].to_vec();
        // As with a program's own: what stands after `--` is the same without it.
        let arguments = match arguments.split_first() {
            Some((first, rest)) if first == "--" => rest.to_vec(),
            _ => arguments,
        };
        match is_source {
            true => Subject::Source { path, options: words[..at].to_vec(), arguments },
            false => Subject::Program { path, arguments },
        }
    }
}

/// How many words an option for rustc takes. `None`: it is none that makes sense before a file, so it
/// must be cargo's.
fn rustc_option_length(word: &str) -> Option<usize> {
    const ALONE: [&str; 2] = ["-O", "-g"];
    const WITH_VALUE: [&str; 16] = [
        "-C",
        "--codegen",
        "-L",
        "-l",
        "-A",
        "-W",
        "-D",
        "-F",
        "--cfg",
        "--check-cfg",
        "--extern",
        "--edition",
        "--crate-name",
        "--cap-lints",
        "-Z",
        "--allow",
    ];
    if ALONE.contains(&word) {
        return Some(1);
    }
    let option = WITH_VALUE.iter().find(|option| word.starts_with(**option))?;
    match (&word[option.len()..], option.starts_with("--")) {
        ("", _) => Some(2),
        (rest, true) => rest.starts_with('=').then_some(1),
        (_, false) => Some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(words: &[&str]) -> Subject {
        Subject::of(words.iter().map(OsString::from).collect())
    }

    #[test]
    fn a_first_word_that_is_no_option_is_a_file() {
        let Subject::Program { path, arguments } = subject(&["./server", "--port", "80"]) else { panic!() };
        assert_eq!((path, arguments.len()), (PathBuf::from("./server"), 2));
        let Subject::Program { arguments, .. } = subject(&["server", "--", "x"]) else { panic!() };
        assert_eq!(arguments, ["x"]);
    }

    #[test]
    fn rustcs_options_may_come_before_a_source_file() {
        let words = ["-O", "-C", "debug-assertions", "-Copt-level=3", "--edition=2024", "a.rs", "x"];
        let Subject::Source { path, options, arguments } = subject(&words) else { panic!() };
        assert_eq!((path, options.len(), arguments.len()), (PathBuf::from("a.rs"), 5, 1));
    }

    #[test]
    fn everything_else_is_cargos() {
        for words in [&[][..], &["--release"], &["--bin", "x", "--", "a.rs"], &["--", "a.rs"], &["-p", "x"]] {
            assert!(matches!(subject(words), Subject::Package(_)), "{words:?}");
        }
    }
}
