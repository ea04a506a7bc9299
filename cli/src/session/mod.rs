//! A run of a program under racecheck: the channel for its reports, their printing, and the status.
//!
//! The runtime inside the program, and inside every process that it starts, appends findings to files
//! in a folder of this session, so that they never mix with the program's output nor get lost when a
//! test captures it. A thread of the CLI reads them as they come and prints each whole.
//!
//! The CLI owns the status: if anything was reported by any process, it is not 0.

mod channel;
mod printer;
mod signals;
mod status;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use racecheck_report::format::Format;
use racecheck_report::options::{ENVIRONMENT_VARIABLE, Options};

use crate::error::{Error, Result};
use crate::options::ReportOptions;
use crate::reports::judge::{DEFAULT_SUPPRESSIONS, Judge, KnownRaces};
use crate::reports::plan::Plan;
use channel::Channel;
pub use channel::ENVIRONMENT_VARIABLE as CHANNEL_VARIABLE;
pub use printer::Printer;
pub use status::of_child;

/// How often the channel is looked at. Short enough that a report comes with the output around it.
const POLL: Duration = Duration::from_millis(25);

/// Reads `RACECHECK_OPTIONS`, so that what it can't mean is an error before anything is built or run.
pub fn options() -> Result<Options> {
    match std::env::var_os(ENVIRONMENT_VARIABLE) {
        None => Ok(Options::default()),
        Some(text) => Ok(Options::parse(text.to_str().ok_or(Error::OptionsNotText)?)?),
    }
}

/// Asks the runtime to let each process answer for what it found, in its own exit status.
const STATUS_VARIABLE: &str = "RACECHECK_STATUS";

/// Whose exit status tells of a race.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StatusOf {
    /// The session's, once everything has ended.
    #[default]
    Session,
    /// That of each process as well: a test runner in between has to see which of its programs failed.
    EachProcess,
}

/// How a session prints, and ends.
#[derive(Debug, Default)]
pub struct Setting {
    /// `RACECHECK_OPTIONS`.
    pub options: Options,
    /// How reports are judged, shown and written.
    pub reports: ReportOptions,
    /// Paths below it are shown relative to it.
    pub workspace_root: PathBuf,
    /// Who answers for a race.
    pub status_of: StatusOf,
}

impl Setting {
    /// Everything that findings are judged by: what was named, and the workspace's own suppressions.
    fn judge(&self) -> Result<Judge> {
        let mut suppressions = self.reports.suppressions.clone();
        if !self.options.suppressions.is_empty() {
            suppressions.push(self.options.suppressions.clone().into());
        }
        let own = self.workspace_root.join(DEFAULT_SUPPRESSIONS);
        if own.is_file() && !suppressions.contains(&own) {
            suppressions.push(own);
        }
        let known = match self.options.suppress_known {
            true => KnownRaces::HeldBack,
            false => KnownRaces::Shown,
        };
        Judge::new(&suppressions, self.reports.baseline.as_deref(), known)
    }
}

/// `RACECHECK_OPTIONS` with what the command line asks of the program's runtime; `None` if that is nothing.
fn runtime_options(reports: &ReportOptions) -> Option<String> {
    let asked = [
        reports.stats.then(|| "stats=1".to_owned()),
        reports.memory_limit.map(|mib| format!("memory_limit_mb={mib}")),
    ];
    let asked: Vec<String> = asked.into_iter().flatten().collect();
    let own = std::env::var(ENVIRONMENT_VARIABLE).unwrap_or_default();
    (!asked.is_empty()).then(|| format!("{own} {}", asked.join(" ")).trim_start().to_owned())
}

/// Runs the command to its end, prints what is reported meanwhile, and decides the status.
pub fn run(mut command: Command, setting: Setting) -> Result<ExitCode> {
    let exitcode = setting.options.exitcode;
    let Some(channel) = Channel::open()? else {
        // Under another racecheck, which prints and decides.
        let child = signals::wait_forwarding(&mut command)?;
        return Ok(ExitCode::from(status::of_child(child)));
    };
    let (judge, plan) = (setting.judge()?, Plan::begin(&setting.reports, Format::Text)?);
    if let Some(options) = runtime_options(&setting.reports) {
        command.env(ENVIRONMENT_VARIABLE, options);
    }
    command.env(CHANNEL_VARIABLE, channel.path());
    match setting.status_of {
        StatusOf::Session => command.env_remove(STATUS_VARIABLE),
        StatusOf::EachProcess => command.env(STATUS_VARIABLE, "process"),
    };
    let (stop, stopped) = mpsc::channel::<()>();
    let watcher = thread::Builder::new()
        .name("reports".to_owned())
        .spawn(move || watch(channel, Printer::new(setting, judge, plan), &stopped))
        .map_err(|source| Error::Start { program: "a thread".to_owned(), source, hint: "" })?;
    let child = signals::wait_forwarding(&mut command);
    // The watcher hears of the end by the sender's, reads what is left, and sums up.
    drop(stop);
    let outcome = match watcher.join() {
        Ok(outcome) => outcome,
        Err(panic) => std::panic::resume_unwind(panic),
    };
    Ok(ExitCode::from(status::decide(child?, outcome, exitcode)))
}

fn watch(mut channel: Channel, mut printer: Printer, stopped: &mpsc::Receiver<()>) -> status::Outcome {
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(POLL) {
        channel.read(&mut printer);
    }
    channel.finish(&mut printer);
    printer.finish()
}
