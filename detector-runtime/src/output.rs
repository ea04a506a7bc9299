//! Where reports go: the command line's channel, or standard error or a file.

use alloc::ffi::CString;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use core::ffi::CStr;

use racecheck_report::Options;
use racecheck_report::options::LogTarget;

use crate::environment::Environment;
use crate::sys::file::{Access, Descriptor, File, SeekFrom};
use crate::sys::time::{Duration, Instant};
use crate::sys::{process, time};

/// The variable by which the command line names the directory of its channel.
const CHANNEL: &str = "RACECHECK_CHANNEL";

/// The variable by which the command line asks each process to end as if there were no command line: with
/// `exitcode` if something counts that it found.
const STATUS: &str = "RACECHECK_STATUS";

/// The value of [`STATUS`] that says so.
const OF_THE_PROCESS: &str = "process";

/// How long the command line's word on a finding is waited for. It comes within some tens of milliseconds, unless the
/// command line is stopped or gone.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it is looked for.
const POLL: Duration = Duration::from_millis(2);

/// A line in a process's file of the channel. Where it ends is its name on both sides: a process that becomes another
/// program writes on in the same file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    process: u32,
    end: u64,
}

impl Line {
    /// Whether this process wrote it, and not the one that it was forked from.
    pub fn is_own(self) -> bool {
        self.process == process::process_id().0
    }
}

/// The command line's word on a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It counts.
    Race,
    /// It is known, suppressed, or in the baseline.
    HeldBack,
}

/// The way out.
#[derive(Debug)]
pub struct Output {
    channel: Option<String>,
    status: Option<String>,
    log: Log,
}

#[derive(Debug)]
enum Log {
    Stderr,
    Stdout,
    /// The path, to which the number of the process is added.
    File(String),
}

impl Output {
    /// As the options and the environment say.
    pub fn new(options: &Options, environment: &Environment) -> Self {
        let log = match options.log_target() {
            LogTarget::Stderr => Log::Stderr,
            LogTarget::Stdout => Log::Stdout,
            LogTarget::FilePerProcess { path } => Log::File(path.into()),
        };
        let channel = environment.variable(CHANNEL).filter(|dir| !dir.is_empty());
        Output { channel, status: environment.variable(STATUS), log }
    }

    /// True if the command line listens: then it prints, and decides about the status.
    pub fn is_channel(&self) -> bool {
        self.channel.is_some()
    }

    /// True if the command line wants each process to end with the status that its findings ask for.
    pub fn wants_process_status(&self) -> bool {
        self.status.as_deref() == Some(OF_THE_PROCESS)
    }

    /// Sends a finding to the command line, whole. `None` if it does not listen, or did not get it.
    pub fn write_line(&self, line: &str) -> Option<Line> {
        let process = process::process_id().0;
        let end = append(self.path(process, "jsonl")?, &format!("{line}\n"))?;
        Some(Line { process, end })
    }

    /// What the command line says of the finding in this line. Without its word it is a race.
    pub fn verdict(&self, line: Line) -> Verdict {
        let path = self.path(line.process, "verdicts");
        let Some(path) = path.and_then(|path| CString::new(path).ok()) else {
            return Verdict::Race;
        };
        let start = Instant::now();
        loop {
            match find_verdict(&path, line) {
                Some(verdict) => return verdict,
                None if Instant::now().since(start) > PATIENCE => return Verdict::Race,
                None => time::sleep(POLL),
            }
        }
    }

    /// A process's file in the channel.
    fn path(&self, process: u32, extension: &str) -> Option<String> {
        Some(format!("{}/{process}.{extension}", self.channel.as_ref()?))
    }

    /// Writes text to where the options say; to standard error if that fails.
    pub fn write_text(&self, text: &str) {
        let written = match &self.log {
            Log::Stderr => false,
            Log::Stdout => Descriptor::STDOUT.write_all(text.as_bytes()).is_ok(),
            Log::File(path) => append(format!("{path}.{}", process::process_id().0), text).is_some(),
        };
        if !written {
            // Nobody is left to tell if this fails as well.
            let _ = Descriptor::STDERR.write_all(text.as_bytes());
        }
    }
}

/// Adds to the end of a file with one write, so that lines of several writers do not mix. Returns where it ends.
fn append(path: String, text: &str) -> Option<u64> {
    let path = CString::new(path).ok()?;
    let file = File::open(&path, Access::Append).ok()?;
    let written = file.descriptor().write(text.as_bytes()).ok()?;
    let end = file.seek(SeekFrom::Current(0)).ok()?;
    (written == text.len()).then_some(end)
}

/// Looks a line's verdict up: the file has a line `END race` or `END held-back` for each.
fn find_verdict(path: &CStr, line: Line) -> Option<Verdict> {
    let file = File::open(path, Access::Read).ok()?;
    let mut bytes = vec![0; file.status().ok()?.size()];
    file.read_exact_at(&mut bytes, 0).ok()?;
    let text = core::str::from_utf8(&bytes).ok()?;
    // What follows the last line's end is not written to its end yet.
    let (whole, _) = text.rsplit_once('\n')?;
    let word = whole.lines().find_map(|entry| {
        let (end, word) = entry.split_once(' ')?;
        (end.parse() == Ok(line.end)).then_some(word)
    })?;
    Some(if word == "held-back" { Verdict::HeldBack } else { Verdict::Race })
}
