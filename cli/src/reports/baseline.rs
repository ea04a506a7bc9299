//! The baseline: races that were there when somebody began to look, and that do not fail a run.
//!
//! ```text
//! # racecheck baseline 1
//! 769811bf324f5b34 RC0001 cache::Slot::set (src/slot.rs) | cache::Slot::get (src/slot.rs)
//! ```
//!
//! Only the fingerprint counts; what follows it is for whoever reads the file. It is sorted, so that two
//! branches that add races merge well. A fingerprint outlives edits elsewhere in the file, since it
//! knows functions and no lines: see [`racecheck_report::fingerprint::StableFingerprint`].

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use racecheck_report::code::Code;
use racecheck_report::fingerprint::{StableFingerprint, stable_fingerprint};
use racecheck_report::fold::to_first_user_frame;
use racecheck_report::rust_path::plain_path;
use racecheck_report::{Access, Finding};

use crate::error::{Error, Result};

/// The first line, which says what the file is.
const HEADER: &str = "# racecheck baseline ";
/// The form that this racecheck writes, and the newest that it reads.
const VERSION: u32 = 1;

/// Races that are known.
#[derive(Debug)]
pub struct Baseline {
    path: PathBuf,
    known: BTreeMap<StableFingerprint, String>,
}

impl Baseline {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(Error::file("read the baseline", path))?;
        let wrong = |line: usize, problem: String| Error::Baseline { path: path.to_owned(), line, problem };
        let mut lines = (1..).zip(text.lines());
        let version =
            lines.next().and_then(|(_, line)| line.strip_prefix(HEADER)?.trim().parse::<u32>().ok());
        match version {
            Some(version) if version <= VERSION => {}
            Some(version) => {
                let problem = format!(
                    "it has version {version}, this racecheck reads up to {VERSION}: use a newer one"
                );
                return Err(wrong(1, problem));
            }
            None => {
                let problem = format!("the first line has to be `{HEADER}{VERSION}`: this is no baseline");
                return Err(wrong(1, problem));
            }
        }
        let mut known = BTreeMap::new();
        for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#')) {
            let (fingerprint, rest) = line.split_once(' ').unwrap_or((line, ""));
            let fingerprint = fingerprint.parse().map_err(|error| wrong(number, format!("{error}")))?;
            known.insert(fingerprint, rest.to_owned());
        }
        Ok(Baseline { path: path.to_owned(), known })
    }

    /// Whether the finding is known.
    pub fn has(&self, finding: &Finding) -> bool {
        self.known.contains_key(&stable_fingerprint(finding))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The text of a baseline with these findings.
pub fn text<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> String {
    let lines: BTreeMap<StableFingerprint, String> =
        findings.into_iter().map(|finding| (stable_fingerprint(finding), description(finding))).collect();
    let mut text = format!("{HEADER}{VERSION}\n");
    for (fingerprint, description) in lines {
        // Writing to a string never fails.
        let _ = writeln!(text, "{fingerprint} {description}");
    }
    text
}

/// What a finding is, on one line and without what changes from run to run.
pub fn description(finding: &Finding) -> String {
    let mut sides = [place(&finding.access), place(&finding.previous)];
    sides.sort();
    format!("{} {}", Code::of(finding), sides.join(" | ").replace(char::is_control, "?"))
}

fn place(access: &Access) -> String {
    let Some(frame) = to_first_user_frame(&access.stack.frames).last() else {
        return "unknown place".to_owned();
    };
    let function = plain_path(frame.function.as_deref().unwrap_or("??"));
    match frame.file.as_deref() {
        Some(file) => format!("{function} ({})", racecheck_report::fingerprint::path_in_crate(file)),
        None => function,
    }
}
