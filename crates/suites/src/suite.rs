//! A crate's own tests, natively and under racecheck.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::error::{Error, Result};
use crate::package::Package;
use crate::process::{self, End};
use crate::reports::{CHANNEL_VARIABLE, Channel};
use crate::table::Suite;
use crate::verdicts::Verdicts;

/// What holds for all suites.
#[derive(Debug)]
pub struct Setting {
    /// The racecheck to test.
    pub racecheck: PathBuf,
    /// Where sources, builds and logs go.
    pub work: PathBuf,
    /// Cargo's `--jobs`.
    pub jobs: Option<usize>,
    /// How long building may take, and how long the tests, natively and under racecheck each.
    pub limit: Duration,
}

/// What came of a crate.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// Name of the crate.
    pub name: &'static str,
    /// The version that was run; empty if there is none.
    pub version: String,
    /// The figures, if its tests could be run.
    pub figures: Option<Figures>,
    /// Why not, if they could not.
    pub error: Option<String>,
    /// Cargo's opt-level.
    pub opt_level: u8,
    /// What the table says about it.
    pub note: &'static str,
    /// Tests that are left out, with the reason.
    pub left_out: Vec<String>,
}

/// The figures of a crate.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Tests that passed natively.
    pub native_passed: usize,
    /// Tests that failed natively.
    pub native_failed: usize,
    /// Tests that passed under racecheck.
    pub checked_passed: usize,
    /// Tests that failed under racecheck.
    pub checked_failed: usize,
    /// Tests that passed natively, but not under racecheck.
    pub lost: Vec<String>,
    /// Distinct races that were reported.
    pub races: usize,
    /// Reports, repeats included.
    pub reports: usize,
    /// Reports that were held back as known, by the crate that makes the race.
    pub held_back: BTreeMap<&'static str, usize>,
    /// Reports that could not be read.
    pub broken: usize,
    /// Time that the tests took natively, in seconds.
    pub native_seconds: f64,
    /// Time that they took under racecheck, in seconds.
    pub checked_seconds: f64,
}

impl Figures {
    /// The same tests pass, and nothing was reported.
    pub fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.races == 0 && self.broken == 0
    }
}

/// Runs a crate's tests natively and under racecheck.
pub fn judge(suite: &'static Suite, setting: &Setting) -> Judged {
    let mut judged = Judged {
        name: suite.name,
        version: String::new(),
        figures: None,
        error: None,
        opt_level: suite.opt_level,
        note: suite.note,
        left_out: suite.skipped.iter().map(|it| format!("{}: {}", it.test, it.reason)).collect(),
    };
    match Package::fetch(suite.name, suite.requirement, &setting.work) {
        Err(error) => judged.error = Some(error.to_string()),
        Ok(package) => {
            judged.version.clone_from(&package.version);
            match run(suite, &package, setting) {
                Ok(figures) => judged.figures = Some(figures),
                Err(error) => judged.error = Some(error.to_string()),
            }
        }
    }
    judged
}

fn run(suite: &Suite, package: &Package, setting: &Setting) -> Result<Figures> {
    let logs = setting.work.join("logs");
    std::fs::create_dir_all(&logs).map_err(Error::file("create", &logs))?;
    let log = |what: &str| logs.join(format!("{}.{what}", suite.name));

    let native_test = || {
        let mut command = cargo_test("cargo".as_ref(), suite, package, setting);
        // Nobody looks into these programs, and without it they build faster.
        command.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_PROFILE_TEST_DEBUG", "0");
        command
    };
    let native_build = log("native-build");
    if !build(&mut native_test(), setting, &native_build)? {
        return Err(Error::NativeBuild { log: native_build });
    }
    let (native, native_seconds) =
        tests(&mut native_test(), suite, setting, "the native run", &log("native"))?;

    let checked_test = || cargo_test(&setting.racecheck, suite, package, setting);
    let checked_build = log("checked-build");
    if !build(&mut checked_test(), setting, &checked_build)? {
        return Err(Error::CheckedBuild { log: checked_build });
    }
    let channel = Channel::open()?;
    let mut command = checked_test();
    command.env(CHANNEL_VARIABLE, channel.path());
    let run = tests(&mut command, suite, setting, "the run under racecheck", &log("checked"));
    // What was reported before a time limit is worth reading too.
    let reports = channel.read()?;
    let text = log("reports");
    std::fs::write(&text, reports.to_text(&package.folder)).map_err(Error::file("write", &text))?;
    let (checked, checked_seconds) = run?;

    Ok(Figures {
        native_passed: native.passed,
        native_failed: native.failed,
        checked_passed: checked.passed,
        checked_failed: checked.failed,
        lost: checked.lost_since(&native).map(|(program, test)| format!("{program}: {test}")).collect(),
        races: reports.races.len(),
        reports: reports.count,
        held_back: reports.held_back,
        broken: reports.broken,
        native_seconds,
        checked_seconds,
    })
}

/// `cargo test`, or `racecheck test`, with the suite's options.
fn cargo_test(program: &Path, suite: &Suite, package: &Package, setting: &Setting) -> Command {
    let mut command = Command::new(program);
    command.arg("test").args(suite.targets);
    if !suite.features.is_empty() {
        command.args(["--features", suite.features]);
    }
    if let Some(jobs) = setting.jobs {
        command.arg(format!("--jobs={jobs}"));
    }
    command
        .current_dir(&package.folder)
        .env("CARGO_TARGET_DIR", setting.work.join("target"))
        .env("CARGO_TERM_COLOR", "never")
        // In the profile of tests and in the one of what they depend on.
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", suite.opt_level.to_string())
        .env("CARGO_PROFILE_TEST_OPT_LEVEL", suite.opt_level.to_string())
        // What holds for this workspace need not hold for the crate. As with any dependency, its lints are no errors:
        // some are younger than the crate.
        .env("RUSTFLAGS", "--cap-lints=warn")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    command
}

/// Whether the tests build.
fn build(command: &mut Command, setting: &Setting, log: &Path) -> Result<bool> {
    match process::run(command.arg("--no-run"), log, setting.limit)? {
        End::Exited(status) => Ok(status.success()),
        End::TooLong => {
            Err(Error::TooLong { what: "building the tests", limit: setting.limit, log: log.to_owned() })
        }
    }
}

/// Runs the tests, and says what came of them and how many seconds it took.
fn tests(
    command: &mut Command,
    suite: &Suite,
    setting: &Setting,
    what: &'static str,
    log: &Path,
) -> Result<(Verdicts, f64)> {
    command.args(["--no-fail-fast", "--"]);
    for skip in suite.skipped {
        command.args(["--skip", skip.test]);
    }
    let start = Instant::now();
    if process::run(command, log, setting.limit)? == End::TooLong {
        return Err(Error::TooLong { what, limit: setting.limit, log: log.to_owned() });
    }
    let seconds = start.elapsed().as_secs_f64();
    let output = std::fs::read(log).map_err(Error::file("read", log))?;
    Ok((Verdicts::read(&String::from_utf8_lossy(&output)), seconds))
}
