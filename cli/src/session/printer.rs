//! Prints findings: each race once, whole, to where `log_path` says; and at the end writes the files that
//! were asked for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;

use racecheck_report::code::Code;
use racecheck_report::fingerprint::{SiteKey, site_key};
use racecheck_report::format::{Entry, Format, View};
use racecheck_report::model::ProcessNote;
use racecheck_report::options::LogTarget;
use racecheck_report::text::{TextOptions, TextStyle, write_misuse_summary, write_summary};
use racecheck_report::{Finding, FindingKind};

use super::Setting;
use super::status::Outcome;
use crate::reports::judge::Judge;
use crate::reports::note::Notes;
use crate::reports::plan::Plan;
use crate::reports::sources::SourceFiles;

/// Prints what a session reports.
pub struct Printer {
    setting: Setting,
    target: Target,
    judge: Judge,
    plan: Plan,
    sources: SourceFiles,
    /// Every race, once; new or not.
    entries: Vec<Entry>,
    /// Where in `entries` each is.
    seen: HashMap<SiteKey, usize>,
    found: Tally,
    notes: Notes,
    /// The tests that a report names.
    tests: BTreeSet<String>,
    troubles: BTreeSet<String>,
}

/// The session's word on a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It counts, be it a new one or one that came before.
    Race,
    /// It is not to be answered for.
    HeldBack,
}

impl Verdict {
    /// As the channel says it.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Race => "race",
            Verdict::HeldBack => "held-back",
        }
    }
}

/// How much was found.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    races: usize,
    misuses: usize,
}

impl Tally {
    fn is_nothing(self) -> bool {
        self.races + self.misuses == 0
    }

    fn count(&mut self, kind: FindingKind) {
        match kind {
            FindingKind::Misuse => self.misuses += 1,
            FindingKind::DataRace | FindingKind::UseAfterFree => self.races += 1,
        }
    }

    /// The lines that close a run; none if nothing was found.
    fn summary(self) -> String {
        let mut text = String::new();
        // Writing to a string never fails.
        if self.races > 0 {
            let _ = write_summary(&mut text, self.races);
        }
        if self.misuses > 0 {
            let _ = write_misuse_summary(&mut text, self.misuses);
        }
        text
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.misuses {
            0 => write!(f, "{} data race(s)", self.races),
            misuses => write!(f, "{} data race(s) and {misuses} misuse(s)", self.races),
        }
    }
}

/// Where reports go.
#[derive(Debug)]
enum Target {
    Stderr,
    Stdout,
    /// Files, one for each process: `PREFIX.PID`.
    Files {
        prefix: String,
        written: BTreeMap<u32, Tally>,
    },
}

impl Printer {
    /// Prints as `setting` and `plan` say.
    pub fn new(setting: Setting, judge: Judge, plan: Plan) -> Self {
        let target = match setting.options.log_target() {
            LogTarget::Stderr => Target::Stderr,
            LogTarget::Stdout => Target::Stdout,
            LogTarget::FilePerProcess { path } => {
                Target::Files { prefix: path.to_owned(), written: BTreeMap::new() }
            }
        };
        Printer {
            setting,
            target,
            judge,
            plan,
            sources: SourceFiles::default(),
            entries: Vec::new(),
            seen: HashMap::new(),
            found: Tally::default(),
            notes: Notes::default(),
            tests: BTreeSet::new(),
            troubles: BTreeSet::new(),
        }
    }

    /// Prints a finding, if it is a new one that counts.
    pub fn finding(&mut self, finding: Finding) -> Verdict {
        let standing = self.judge.standing(&finding);
        let is_new = standing.is_new();
        if is_new {
            self.tests.extend(finding.test.clone());
        }
        let key = site_key(&finding);
        let mut entry = Entry { standing, ..Entry::new(finding) };
        match self.seen.get(&key) {
            // What is suppressed in one test only counts in the others.
            Some(&at) if is_new && !self.entries[at].standing.is_new() => {
                entry.count += self.entries[at].count;
                self.print(&entry);
                self.entries[at] = entry;
            }
            Some(&at) => self.entries[at].count += 1,
            None => {
                if is_new {
                    self.print(&entry);
                }
                self.seen.insert(key, self.entries.len());
                self.entries.push(entry);
            }
        }
        if is_new { Verdict::Race } else { Verdict::HeldBack }
    }

    fn print(&mut self, entry: &Entry) {
        let (pid, kind) = (entry.finding.pid, entry.finding.kind);
        self.found.count(kind);
        let text = self.with_view(self.target.style(), |view| {
            let mut text = String::new();
            // Writing to a string never fails.
            let _ = self.plan.shown.write_one(&mut text, entry, view);
            text
        });
        if let Err(error) = self.target.write(pid, &text) {
            self.trouble(&format!("{error}; reports go to stderr"));
            self.target = Target::Stderr;
            let _ = Target::Stderr.write(pid, &text);
        } else if let Target::Files { written, .. } = &mut self.target {
            written.entry(pid).or_default().count(kind);
        }
    }

    fn with_view<R>(&self, style: TextStyle, f: impl FnOnce(&View<'_>) -> R) -> R {
        let root = self.setting.workspace_root.to_string_lossy();
        let text = TextOptions {
            strip_path_prefix: &self.setting.options.strip_path_prefix,
            workspace_root: &root,
            fold: self.setting.options.fold,
            style,
        };
        f(&View::new(text, &self.sources))
    }

    /// A process has ended.
    pub fn note(&mut self, note: ProcessNote) {
        self.notes.add(note);
    }

    /// Tells of something that kept a report from being shown. It counts as one: what can't be read
    /// must not look like silence.
    pub fn trouble(&mut self, what: &str) {
        if self.troubles.insert(what.to_owned()) {
            eprintln!("racecheck: {what}");
        }
    }

    /// Sums up.
    pub fn finish(mut self) -> Outcome {
        self.sum_up();
        for line in self.judge.summary().into_iter().chain(self.notes.warnings()) {
            eprintln!("racecheck: {line}");
        }
        if self.setting.reports.stats {
            for line in self.notes.table() {
                eprintln!("racecheck: {line}");
            }
        }
        let is_silent = self.found.is_nothing() && self.troubles.is_empty();
        let (entries, notes) = (std::mem::take(&mut self.entries), std::mem::take(&mut self.notes));
        let plan = std::mem::replace(&mut self.plan, Plan::nothing(Format::Text));
        let errors = self.with_view(TextStyle::Plain, |view| plan.finish(&entries, &notes, view));
        for error in &errors {
            eprintln!("racecheck: {error}");
        }
        match (is_silent, errors.is_empty()) {
            (true, true) => Outcome::Silent,
            (true, false) => Outcome::Failed,
            (false, _) => Outcome::Reported,
        }
    }

    fn sum_up(&mut self) {
        let summary = match self.plan.shown {
            // For programs: a line of another kind would be in their way.
            Format::Json => String::new(),
            _ => self.found.summary(),
        };
        let summed = match &mut self.target {
            target @ (Target::Stderr | Target::Stdout) => target.write(0, &summary),
            Target::Files { prefix, written } => written.iter().try_for_each(|(&pid, tally)| {
                eprintln!("racecheck: found {tally}, see {prefix}.{pid}");
                append(prefix, pid, &tally.summary())
            }),
        };
        if let Err(error) = summed {
            self.trouble(&error);
        }
        let new = self.entries.iter().filter(|entry| entry.standing.is_new());
        let repeats: u64 = new.clone().map(|entry| entry.count - 1).sum();
        if repeats > 0 {
            eprintln!("racecheck: {repeats} more report(s) of the same race(s), not shown");
        }
        if !self.tests.is_empty() {
            eprintln!("racecheck: race detected during execution of:");
            for test in &self.tests {
                eprintln!("    {test}");
            }
        }
        let codes: BTreeSet<Code> = new.map(|entry| Code::of(&entry.finding)).collect();
        if !codes.is_empty() && self.plan.shown == Format::Text {
            let codes: Vec<&str> = codes.into_iter().map(Code::id).collect();
            eprintln!("racecheck: what it is and how it is repaired: racecheck explain {}", codes.join(", "));
        }
    }
}

impl Target {
    fn style(&self) -> TextStyle {
        let choice = match self {
            Target::Stderr => anstream::AutoStream::choice(&std::io::stderr()),
            Target::Stdout => anstream::AutoStream::choice(&std::io::stdout()),
            Target::Files { .. } => anstream::ColorChoice::Never,
        };
        match choice {
            anstream::ColorChoice::Never => TextStyle::Plain,
            _ => TextStyle::Colour,
        }
    }

    /// Writes a report in one go.
    fn write(&mut self, pid: u32, text: &str) -> Result<(), String> {
        match self {
            // Nobody is left to read it, and nobody to tell.
            Target::Stderr => drop(std::io::stderr().lock().write_all(text.as_bytes())),
            Target::Stdout => {
                let mut out = std::io::stdout().lock();
                out.write_all(text.as_bytes())
                    .and_then(|()| out.flush())
                    .map_err(|error| format!("could not write to stdout: {error}"))?;
            }
            Target::Files { prefix, .. } => append(prefix, pid, text)?,
        }
        Ok(())
    }
}

fn append(prefix: &str, pid: u32, text: &str) -> Result<(), String> {
    let path = format!("{prefix}.{pid}");
    let open = || -> std::io::Result<File> { OpenOptions::new().create(true).append(true).open(&path) };
    open()
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| format!("could not write to {path} (of log_path): {error}"))
}
