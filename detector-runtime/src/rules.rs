//! The suppressions of a program that runs without the command line: the file that the option `suppressions`
//! names. (Under the command line that one judges, and this is not asked.)
//!
//! A file that cannot be read or understood stops the program before it begins: to go on without its rules would
//! report what nobody wants, and to go on without reports what nobody would notice.

use alloc::ffi::CString;
use alloc::format;
use alloc::string::String;
use core::sync::atomic::{AtomicU64, Ordering};

use racecheck_report::suppress::{Date, Suppressions, Verdict};
use racecheck_report::{Finding, Options};

use crate::modules::read_whole;
use crate::startup;
use crate::sys::time;

/// Rules, and how often they held.
#[derive(Debug, Default)]
pub struct Rules {
    path: String,
    rules: Suppressions,
    held: AtomicU64,
}

impl Rules {
    /// Those that the options name; none if they name no file.
    pub fn read(options: &Options) -> Self {
        let path = &options.suppressions;
        if path.is_empty() {
            return Rules::default();
        }
        let Some(bytes) = CString::new(path.as_str()).ok().and_then(|path| read_whole(&path).ok()) else {
            startup::die(&format!("RACECHECK_OPTIONS: the suppressions {path} cannot be read"));
        };
        match Suppressions::parse(&String::from_utf8_lossy(&bytes)) {
            Ok(rules) => Rules { path: path.clone(), rules, held: AtomicU64::new(0) },
            Err(errors) => {
                let first =
                    errors.first().map_or(String::new(), |e| format!("{path}:{}: {}", e.line, e.problem));
                startup::die(&first);
            }
        }
    }

    /// Whether one of them holds for a finding. Counts it.
    pub fn hold_for(&self, finding: &Finding) -> bool {
        if self.rules.rules().is_empty() {
            return false;
        }
        let today = Date::from_unix_time(time::since_epoch().as_secs());
        let holds = matches!(self.rules.verdict(finding, today), Verdict::Suppressed(_));
        if holds {
            self.held.fetch_add(1, Ordering::Relaxed);
        }
        holds
    }

    /// What there is to say at the end, if anything.
    pub fn summary(&self) -> Option<String> {
        let held = self.held.load(Ordering::Relaxed);
        (held > 0).then(|| format!("racecheck: {held} report(s) suppressed by {}\n", self.path))
    }
}
