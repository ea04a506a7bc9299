//! Where reports go: the command line's channel, or standard error or a file.

use alloc::ffi::CString;
use alloc::format;
use alloc::string::String;

use racecheck_report::Options;
use racecheck_report::options::LogTarget;

use crate::environment::Environment;
use crate::sys::file::{Access, Descriptor, File};
use crate::sys::process;

/// The variable by which the command line names the directory of its channel.
const CHANNEL: &str = "RACECHECK_CHANNEL";

/// The way out.
#[derive(Debug)]
pub struct Output {
    channel: Option<String>,
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
        Output { channel: environment.variable(CHANNEL).filter(|dir| !dir.is_empty()), log }
    }

    /// True if the command line listens: then it prints, and decides about the status.
    pub fn is_channel(&self) -> bool {
        self.channel.is_some()
    }

    /// Sends a finding to the command line, whole. False if it does not listen, or did not get it.
    pub fn write_line(&self, line: &str) -> bool {
        let Some(dir) = &self.channel else { return false };
        let path = format!("{dir}/{}.jsonl", process::process_id().0);
        append(path, &format!("{line}\n"))
    }

    /// Writes text to where the options say; to standard error if that fails.
    pub fn write_text(&self, text: &str) {
        let written = match &self.log {
            Log::Stderr => false,
            Log::Stdout => Descriptor::STDOUT.write_all(text.as_bytes()).is_ok(),
            Log::File(path) => append(format!("{path}.{}", process::process_id().0), text),
        };
        if !written {
            // Nobody is left to tell if this fails as well.
            let _ = Descriptor::STDERR.write_all(text.as_bytes());
        }
    }
}

/// Adds to the end of a file with one write, so that lines of several writers do not mix.
fn append(path: String, text: &str) -> bool {
    let Ok(path) = CString::new(path) else { return false };
    let Ok(file) = File::open(&path, Access::Append) else { return false };
    file.descriptor().write(text.as_bytes()).is_ok_and(|count| count == text.len())
}
