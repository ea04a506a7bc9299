//! Prints findings: each race once, whole, to where `log_path` says.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;

use racecheck_report::fold::to_first_user_frame;
use racecheck_report::known::known_race;
use racecheck_report::options::LogTarget;
use racecheck_report::text::{TextOptions, TextStyle, write_finding, write_misuse_summary, write_summary};
use racecheck_report::{Access, Finding, FindingKind};

use super::Setting;
use super::status::Outcome;

/// Prints what a session reports.
#[derive(Debug)]
pub struct Printer {
    setting: Setting,
    target: Target,
    /// How often each race came.
    seen: HashMap<Key, usize>,
    found: Tally,
    /// How many were of the races that are known to be meant.
    held_back: usize,
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

/// What makes two findings the same race: what kind it is, and the two places.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key(u64);

impl Printer {
    /// Prints as `setting` says.
    pub fn new(setting: Setting) -> Self {
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
            seen: HashMap::new(),
            found: Tally::default(),
            held_back: 0,
            tests: BTreeSet::new(),
            troubles: BTreeSet::new(),
        }
    }

    /// Prints a finding, if it is a new one that counts.
    pub fn finding(&mut self, finding: &Finding) -> Verdict {
        if self.setting.options.suppress_known && known_race(finding).is_some() {
            self.held_back += 1;
            return Verdict::HeldBack;
        }
        self.tests.extend(finding.test.clone());
        let count = self.seen.entry(Key::of(finding)).or_insert(0);
        *count += 1;
        if *count == 1 {
            self.print(finding);
        }
        Verdict::Race
    }

    fn print(&mut self, finding: &Finding) {
        self.found.count(finding.kind);
        let root = self.setting.workspace_root.to_string_lossy();
        let options = TextOptions {
            strip_path_prefix: &self.setting.options.strip_path_prefix,
            workspace_root: &root,
            fold: self.setting.options.fold,
            style: self.target.style(),
        };
        let mut text = String::new();
        // Writing to a string never fails.
        let _ = write_finding(&mut text, finding, &options);
        if let Err(error) = self.target.write(finding.pid, &text) {
            self.trouble(&format!("{error}; reports go to stderr"));
            self.target = Target::Stderr;
            let _ = Target::Stderr.write(finding.pid, &text);
        } else if let Target::Files { written, .. } = &mut self.target {
            written.entry(finding.pid).or_default().count(finding.kind);
        }
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
        let found = self.seen.len();
        let summed = match &mut self.target {
            target @ (Target::Stderr | Target::Stdout) => target.write(0, &self.found.summary()),
            Target::Files { prefix, written } => written.iter().try_for_each(|(&pid, tally)| {
                eprintln!("racecheck: found {tally}, see {prefix}.{pid}");
                append(prefix, pid, &tally.summary())
            }),
        };
        if let Err(error) = summed {
            self.trouble(&error);
        }
        let repeats = self.seen.values().sum::<usize>() - found;
        if repeats > 0 {
            eprintln!("racecheck: {repeats} more report(s) of the same race(s), not shown");
        }
        if !self.tests.is_empty() {
            eprintln!("racecheck: race detected during execution of:");
            for test in &self.tests {
                eprintln!("    {test}");
            }
        }
        if self.held_back > 0 {
            let count = self.held_back;
            eprintln!(
                "racecheck: {count} report(s) of races that are meant were held back (suppress_known=0 shows them)"
            );
        }
        match found == 0 && self.troubles.is_empty() {
            true => Outcome::Silent,
            false => Outcome::Reported,
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

impl Key {
    /// The places in the source, from where the access is to the first frame of user code. Not the
    /// instructions: each test program has its own copy of the same library.
    fn of(finding: &Finding) -> Self {
        let side = |access: &Access| {
            let mut hasher = DefaultHasher::new();
            access.op.hash(&mut hasher);
            for frame in to_first_user_frame(&access.stack.frames) {
                match &frame.file {
                    Some(file) => (&frame.function, file, frame.line, frame.column).hash(&mut hasher),
                    None => (&frame.module, frame.offset).hash(&mut hasher),
                }
            }
            hasher.finish()
        };
        // Which of the two came first is chance.
        let (one, other) = (side(&finding.access), side(&finding.previous));
        let mut hasher = DefaultHasher::new();
        let rule = finding.misuse.as_ref().map(|misuse| &misuse.rule);
        (finding.kind, rule, one.min(other), one.max(other)).hash(&mut hasher);
        Key(hasher.finish())
    }
}
