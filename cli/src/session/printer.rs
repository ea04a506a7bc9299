//! Prints findings: each race once, whole, to where `log_path` says.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;

use racecheck_report::fold::to_first_user_frame;
use racecheck_report::known::known_race;
use racecheck_report::options::LogTarget;
use racecheck_report::text::{TextOptions, TextStyle, write_finding, write_summary};
use racecheck_report::{Access, Finding};

use super::Setting;
use super::status::Outcome;

/// Prints what a session reports.
#[derive(Debug)]
pub struct Printer {
    setting: Setting,
    target: Target,
    /// How often each race came.
    seen: HashMap<Key, usize>,
    /// How many were of the races that are known to be meant.
    held_back: usize,
    troubles: BTreeSet<String>,
}

/// Where reports go.
#[derive(Debug)]
enum Target {
    Stderr,
    Stdout,
    /// Files, one for each process: `PREFIX.PID`.
    Files {
        prefix: String,
        written: BTreeMap<u32, usize>,
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
        Printer { setting, target, seen: HashMap::new(), held_back: 0, troubles: BTreeSet::new() }
    }

    /// Prints a finding, if it is a new one.
    pub fn finding(&mut self, finding: &Finding) {
        if self.setting.options.suppress_known && known_race(finding).is_some() {
            self.held_back += 1;
            return;
        }
        let count = self.seen.entry(Key::of(finding)).or_insert(0);
        *count += 1;
        if *count > 1 {
            return;
        }
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
        let races = self.seen.len();
        let mut text = String::new();
        if races > 0 {
            let _ = write_summary(&mut text, races);
        }
        let summed = match &mut self.target {
            target @ (Target::Stderr | Target::Stdout) => target.write(0, &text),
            Target::Files { prefix, written } => {
                let (prefix, written) = (prefix.clone(), written.clone());
                written.iter().try_for_each(|(&pid, &count)| {
                    let mut text = String::new();
                    let _ = write_summary(&mut text, count);
                    eprintln!("racecheck: found {count} data race(s), see {prefix}.{pid}");
                    append(&prefix, pid, &text)
                })
            }
        };
        if let Err(error) = summed {
            self.trouble(&error);
        }
        let repeats = self.seen.values().sum::<usize>() - races;
        if repeats > 0 {
            eprintln!("racecheck: {repeats} more report(s) of the same race(s), not shown");
        }
        if self.held_back > 0 {
            let count = self.held_back;
            eprintln!(
                "racecheck: {count} report(s) of races that are meant were held back (suppress_known=0 shows them)"
            );
        }
        match races == 0 && self.troubles.is_empty() {
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
            Target::Files { prefix, written } => {
                append(prefix, pid, text)?;
                *written.entry(pid).or_insert(0) += 1;
            }
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
        (finding.kind, one.min(other), one.max(other)).hash(&mut hasher);
        Key(hasher.finish())
    }
}
