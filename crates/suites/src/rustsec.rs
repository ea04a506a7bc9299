//! Programs that use a published crate version with a RustSec advisory, so that its race really happens.
//!
//! Each is a package in `testdata/rustsec`, named CRATE-ADVISORY. It is built by `racecheck build` in a
//! copy, and run by `racecheck run` several times. It is found if every run ends with racecheck's status
//! and the function of the line `//@ frame: NAME` stands in a stack each time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::package;
use crate::process::{self, End};

/// The status that racecheck gives a program which exits with 0 and has a race.
const REPORTED: i32 = 66;
/// How long one run may take.
const RUN_LIMIT: Duration = Duration::from_secs(60);

/// What came of a program.
#[derive(Clone, Debug, Serialize)]
pub struct Tried {
    /// Name of the package: CRATE-ADVISORY.
    pub name: String,
    /// The function that has to be in a stack.
    pub frame: String,
    /// Runs.
    pub runs: usize,
    /// Runs in which it was reported with that function.
    pub found: usize,
    /// What kept it from being tried.
    pub error: Option<String>,
}

impl Tried {
    /// It was reported each time.
    pub fn is_found(&self) -> bool {
        self.error.is_none() && self.runs > 0 && self.found == self.runs
    }
}

/// How the programs are run.
#[derive(Debug)]
pub struct Setting {
    /// The racecheck to test.
    pub racecheck: PathBuf,
    /// Where copies, builds and logs go.
    pub work: PathBuf,
    /// Runs for each program.
    pub runs: usize,
    /// How long building may take.
    pub limit: Duration,
}

/// The packages in `folder`, in the order of their names.
pub fn packages(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(Error::file("read", folder))?;
    let mut packages = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::file("read", folder))?.path();
        if path.join("Cargo.toml").is_file() {
            packages.push(path);
        }
    }
    packages.sort();
    Ok(packages)
}

/// Builds and runs one.
pub fn judge(package: &Path, setting: &Setting) -> Tried {
    let name = package.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut tried = Tried { name, frame: String::new(), runs: 0, found: 0, error: None };
    if let Err(error) = run(package, setting, &mut tried) {
        tried.error = Some(error.to_string());
    }
    tried
}

fn run(package: &Path, setting: &Setting, tried: &mut Tried) -> Result<()> {
    let main = package.join("src/main.rs");
    let source = fs::read_to_string(&main).map_err(Error::file("read", &main))?;
    tried.frame = frame(&source).ok_or(Error::NoFrame { path: main })?.to_owned();

    let copy = setting.work.join("rustsec").join(&tried.name);
    package::copy(package, &copy)?;
    let logs = setting.work.join("logs");
    fs::create_dir_all(&logs).map_err(Error::file("create", &logs))?;
    let target = setting.work.join("target");
    let log = logs.join(format!("{}.build", tried.name));
    let mut build = Command::new(&setting.racecheck);
    build.arg("build").current_dir(&copy).env("CARGO_TARGET_DIR", &target).env("CARGO_TERM_COLOR", "never");
    match process::run(&mut build, &log, setting.limit)? {
        End::Exited(status) if status.success() => {}
        End::Exited(_) => return Err(Error::Build { log }),
        End::TooLong => return Err(Error::TooLong { what: "building it", limit: setting.limit, log }),
    }
    let program = target.join("racecheck/x86_64-unknown-linux-gnu/debug").join(&tried.name);
    for number in 0..setting.runs {
        let log = logs.join(format!("{}.run{number}", tried.name));
        let mut command = Command::new(&setting.racecheck);
        command.arg("run").arg(&program).current_dir(&copy).env("NO_COLOR", "1");
        let end = process::run(&mut command, &log, RUN_LIMIT)?;
        let output = fs::read(&log).map_err(Error::file("read", &log))?;
        let reported = matches!(end, End::Exited(status) if status.code() == Some(REPORTED));
        tried.runs += 1;
        tried.found += usize::from(reported && has_frame(&String::from_utf8_lossy(&output), &tried.frame));
    }
    Ok(())
}

/// The function that the program's `//@ frame: NAME` names.
fn frame(source: &str) -> Option<&str> {
    source.lines().find_map(|line| line.strip_prefix("//@ frame:")).map(str::trim)
}

/// A report has frames on lines that are indented by two, `function()`, with its place below.
fn has_frame(report: &str, function: &str) -> bool {
    report.lines().any(|line| {
        line.strip_prefix("  ").is_some_and(|frame| !frame.starts_with(' ') && frame.contains(function))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_a_function_and_not_its_file() {
        let report = "Write at 0x10 by thread 1:\n  aovec::Aovec<T>::push()\n      src/aovec.rs:9:5\n";
        assert!(has_frame(report, "Aovec<T>::push"));
        assert!(!has_frame(report, "aovec.rs"));
        assert!(!has_frame(report, "Write at"));
        assert_eq!(frame("//! x\n//@ frame: a::b\nfn main() {}\n"), Some("a::b"));
        assert_eq!(frame("fn main() {}\n"), None);
    }
}
