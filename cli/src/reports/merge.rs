//! Joins files of findings: each race once, with how often which shard found it and the first evidence.
//!
//! Two passes: the first reads every line once and keeps, for each race, a key, where its first line is
//! and the counts; the second copies those lines to the output. So memory is bounded by the number of
//! different races (some hundred bytes each), not by the size of the files or of the evidence. Files are
//! read side by side; what comes out does not depend on which is done first.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::hash::{BuildHasherDefault, Hasher};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use racecheck_report::Finding;
use racecheck_report::fingerprint::{SiteKey, site_key};
use racecheck_report::model::{Found, ProcessNote, Record};

use super::file::ReportFile;
use super::note::Notes;
use crate::error::{Error, Result};

/// Files that were read, and what is in them.
#[derive(Debug, Default)]
pub struct Merge {
    inputs: Vec<PathBuf>,
    shards: Vec<String>,
    races: HashMap<SiteKey, Race, BuildHasherDefault<AsItIs>>,
    notes: Notes,
    reports: u64,
    broken: u64,
}

/// Index of a shard's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shard(u32);

/// One race.
#[derive(Debug)]
struct Race {
    /// Where its first evidence is.
    evidence: Evidence,
    count: u64,
    shards: Vec<(Shard, u64)>,
}

/// A line of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Evidence {
    input: u32,
    start: u64,
    len: u32,
    form: Form,
}

/// What has to be done to a line before it can say how often its race was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    /// It does not say it yet: that can be put before its last bracket.
    Plain,
    /// It comes from a merge.
    Joined,
}

/// What is in one file.
#[derive(Debug, Default)]
struct Part {
    races: HashMap<SiteKey, PartOfRace, BuildHasherDefault<AsItIs>>,
    notes: Vec<ProcessNote>,
    broken: u64,
}

/// What one file has of a race.
#[derive(Debug)]
struct PartOfRace {
    evidence: Evidence,
    /// How often the file found it itself.
    own: u64,
    /// How often shards found it that were joined in the file.
    others: BTreeMap<String, u64>,
}

impl Part {
    fn read(input: u32, path: &Path) -> Result<Self> {
        if !fs::metadata(path).map_err(Error::file("read", path))?.is_file() {
            return Err(Error::NotAFile { path: path.to_owned() });
        }
        let mut part = Part::default();
        let mut file = ReportFile::open(path)?;
        while let Some(line) = file.advance() {
            match line.and_then(|()| file.decode()) {
                Ok(Record::Finding(finding)) => {
                    let form = if finding.found.is_some() { Form::Joined } else { Form::Plain };
                    let len = file.text().len() as u32;
                    part.add(&finding, Evidence { input, start: file.start(), len, form });
                }
                Ok(Record::Process(note)) => part.notes.push(note),
                Err(bad) => {
                    part.broken += 1;
                    eprintln!("racecheck: {bad}");
                }
            }
        }
        Ok(part)
    }

    fn add(&mut self, finding: &Finding, evidence: Evidence) {
        let race = self.races.entry(site_key(finding)).or_insert(PartOfRace {
            evidence,
            own: 0,
            others: BTreeMap::new(),
        });
        match &finding.found {
            Some(Found { shards, .. }) if !shards.is_empty() => {
                for (name, count) in shards {
                    *race.others.entry(name.clone()).or_default() += count;
                }
            }
            Some(Found { count, .. }) => race.own += count,
            None => race.own += 1,
        }
    }
}

/// What a merge came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Reports that were read.
    pub reports: u64,
    /// Different races among them.
    pub races: u64,
    /// Lines that could not be used, and were told.
    pub broken: u64,
}

impl Merge {
    /// Reads files, and folders with files of findings in them.
    pub fn read(paths: &[PathBuf]) -> Result<Self> {
        let inputs = files(paths)?;
        let names = shard_names(&inputs);
        let mut merge = Merge { inputs: inputs.clone(), ..Merge::default() };
        // In the order of the inputs, whichever is read first.
        let shards: Vec<Shard> = names.into_iter().map(|name| merge.shard(name)).collect();
        let next = AtomicUsize::new(0);
        let workers = thread::available_parallelism().map_or(1, usize::from).min(inputs.len());
        thread::scope(|scope| {
            let (sender, parts) = mpsc::sync_channel(workers);
            for _ in 0..workers {
                let (sender, inputs, next) = (sender.clone(), &inputs, &next);
                scope.spawn(move || {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(path) = inputs.get(at) else { return };
                        // Nobody listens any more once a file could not be read.
                        if sender.send((at, Part::read(at as u32, path))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            for (at, part) in parts {
                merge.join(part?, shards[at]);
            }
            Ok(merge)
        })
    }

    fn join(&mut self, part: Part, shard: Shard) {
        self.broken += part.broken;
        part.notes.into_iter().for_each(|note| self.notes.add(note));
        for (key, PartOfRace { evidence, own, others }) in part.races {
            let others: Vec<(Shard, u64)> =
                others.into_iter().map(|(name, count)| (self.shard(name), count)).collect();
            let race =
                self.races.entry(key).or_insert(Race { evidence, count: 0, shards: Vec::with_capacity(1) });
            race.evidence = race.evidence.min(evidence);
            for (shard, count) in others.into_iter().chain((own > 0).then_some((shard, own))) {
                race.count += count;
                self.reports += count;
                match race.shards.iter_mut().find(|(other, _)| *other == shard) {
                    Some((_, sum)) => *sum += count,
                    None => race.shards.push((shard, count)),
                }
            }
        }
    }

    fn shard(&mut self, name: String) -> Shard {
        let known = self.shards.iter().position(|other| *other == name);
        Shard(known.unwrap_or_else(|| {
            self.shards.push(name);
            self.shards.len() - 1
        }) as u32)
    }

    /// Writes every race once, in the order of their first evidence.
    pub fn write(&self, out: &mut dyn Write) -> Result<(), MergeError> {
        let mut races: Vec<&Race> = self.races.values().collect();
        races.sort_unstable_by_key(|race| race.evidence);
        let mut open: Option<(u32, File)> = None;
        let mut line = Vec::new();
        for race in races {
            let Evidence { input, start, len, .. } = race.evidence;
            let path = &self.inputs[input as usize];
            let read = |source| MergeError::Read(Error::file("read", path)(source));
            let file = match open.take().filter(|(of, _)| *of == input) {
                Some((_, file)) => file,
                None => File::open(path).map_err(read)?,
            };
            line.resize(len as usize, 0);
            file.read_exact_at(&mut line, start).map_err(read)?;
            open = Some((input, file));
            let line = race.line(&line, &self.shards).ok_or_else(|| {
                let changed = std::io::Error::other("the file changed while it was read");
                MergeError::Read(Error::file("read", path)(changed))
            })?;
            out.write_all(line.as_bytes()).map_err(MergeError::Write)?;
        }
        for note in self.notes.joined() {
            writeln!(out, "{}", note.to_json_line()).map_err(MergeError::Write)?;
        }
        out.flush().map_err(MergeError::Write)
    }

    /// What it came to.
    pub fn summary(&self) -> Summary {
        Summary { reports: self.reports, races: self.races.len() as u64, broken: self.broken }
    }

    /// How many reports each shard had.
    pub fn by_shard(&self) -> BTreeMap<&str, u64> {
        let mut sums: BTreeMap<&str, u64> = self.shards.iter().map(|name| (name.as_str(), 0)).collect();
        for (shard, count) in self.races.values().flat_map(|race| &race.shards) {
            *sums.entry(&self.shards[shard.0 as usize]).or_default() += count;
        }
        sums
    }
}

impl Race {
    /// Its first evidence, with how often it was found. `None` if that is no such line (any more).
    fn line(&self, evidence: &[u8], names: &[String]) -> Option<String> {
        let shards = self.shards.iter().map(|(shard, count)| (names[shard.0 as usize].clone(), *count));
        let mut found = Found { count: self.count, shards: shards.collect(), known: None };
        let text = str::from_utf8(evidence).ok()?;
        match self.evidence.form {
            Form::Joined => {
                let mut finding = Finding::from_json_line(text).ok()?;
                found.known = finding.found.and_then(|found| found.known);
                finding.found = Some(found);
                Some(finding.to_json_line() + "\n")
            }
            // Not decoded, so that what a newer racecheck has added is kept.
            Form::Plain => {
                let open = text.trim_end().strip_suffix('}')?;
                let found = serde_json::to_string(&found).ok()?;
                Some(format!("{open},\"found\":{found}}}\n"))
            }
        }
    }
}

/// Why a merge could not be written.
#[derive(Debug)]
pub enum MergeError {
    /// An input could not be read again.
    Read(Error),
    /// The output could not be written to.
    Write(std::io::Error),
}

/// Ending of files of findings in a folder.
const ENDING: &str = "jsonl";

/// The files that are meant, in the order given; those of a folder sorted.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let before = files.len();
            files_below(path, &mut files)?;
            if files.len() == before {
                return Err(Error::NoReports { folder: path.clone(), ending: ENDING });
            }
            files[before..].sort();
        } else {
            files.push(path.clone());
        }
    }
    Ok(files)
}

fn files_below(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(Error::file("read", folder))? {
        let entry = entry.map_err(Error::file("read", folder))?;
        let path = entry.path();
        // Links are not followed, so that no folder is met twice.
        match entry.file_type().map_err(Error::file("read", &path))? {
            kind if kind.is_dir() => files_below(&path, files)?,
            _ if path.extension().is_some_and(|ending| ending == ENDING) => files.push(path),
            _ => {}
        }
    }
    Ok(())
}

/// The file's name without ending; where two have the same, the path.
fn shard_names(paths: &[PathBuf]) -> Vec<String> {
    let stem = |path: &PathBuf| path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let stems: Vec<String> = paths.iter().map(stem).collect();
    let is_unique = |stem: &String| stems.iter().filter(|other| *other == stem).count() == 1;
    let names = stems.iter().zip(paths).map(|(stem, path)| match is_unique(stem) {
        true => stem.clone(),
        false => path.display().to_string(),
    });
    names.collect()
}

/// A key that is a hash already.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn write(&mut self, bytes: &[u8]) {
        // Keys are one number; this is for whoever changes that.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_have_names_of_their_own() {
        let names = shard_names(&["a/one.jsonl".into(), "a/two.jsonl".into(), "b/two.jsonl".into()]);
        assert_eq!(names, ["one", "a/two.jsonl", "b/two.jsonl"]);
    }
}
