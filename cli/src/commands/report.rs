//! `racecheck report`: files of findings, after a run.
//!
//! A line that is broken is told with file and line. Everything else in the file is used, and the status
//! is 2, so that neither the rest is lost nor the loss is overlooked.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use racecheck_report::Finding;
use racecheck_report::fingerprint::{StableFingerprint, site_key, stable_fingerprint};
use racecheck_report::format::{Entry, Format, View};
use racecheck_report::text::{TextOptions, TextStyle};

use crate::error::{EXIT_STATUS, Error, Result};
use crate::options::{ReportCommand, ReportOptions};
use crate::reports::baseline;
use crate::reports::file::{self, Contents};
use crate::reports::judge::{Judge, KnownRaces};
use crate::reports::merge::{Merge, MergeError, Summary};
use crate::reports::note::Notes;
use crate::reports::output::Output;
use crate::reports::plan::Plan;
use crate::reports::sources::SourceFiles;
use crate::session;

/// Does what is asked.
pub fn run(command: ReportCommand) -> Result<ExitCode> {
    match command {
        ReportCommand::Convert { files, reports } => convert(&files, &reports),
        ReportCommand::Baseline { files, output } => write_baseline(&files, output.as_deref()),
        ReportCommand::Merge { files, output } => merge(&files, output.as_deref()),
        ReportCommand::Diff { before, after } => diff(&before, &after),
    }
}

/// Status 2 if anything could not be read.
fn status(broken: u64) -> ExitCode {
    if broken == 0 { ExitCode::SUCCESS } else { ExitCode::from(EXIT_STATUS) }
}

fn write_stdout(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(Error::file("write to", "stdout"))
}

fn convert(files: &[PathBuf], reports: &ReportOptions) -> Result<ExitCode> {
    let options = session::options()?;
    let plan = Plan::begin(reports, Format::Pretty)?;
    // Reports from elsewhere were judged there; what is named here holds in addition.
    let mut judge = Judge::new(&reports.suppressions, reports.baseline.as_deref(), KnownRaces::Shown)?;
    let Contents { findings, notes: process_notes, broken } = file::read_all(files)?;
    let mut entries = entries(findings);
    for entry in entries.iter_mut().filter(|entry| entry.standing.is_new()) {
        entry.standing = judge.standing(&entry.finding);
    }
    let mut notes = Notes::default();
    process_notes.into_iter().for_each(|note| notes.add(note));
    let root = std::env::current_dir().map_err(Error::file("find", "."))?;
    let (root, sources) = (root.to_string_lossy(), SourceFiles::default());
    let mut text = TextOptions {
        strip_path_prefix: &options.strip_path_prefix,
        workspace_root: &root,
        fold: options.fold,
        style: TextStyle::Plain,
    };
    if !plan.has_files() || !reports.format.iter().all(|format| format.contains('=')) {
        let mut shown = String::new();
        let view = View::new(TextOptions { style: stdout_style(), ..text }, &sources);
        // Writing to a string never fails.
        let _ = plan.shown.write_all(&mut shown, &entries, &view);
        write_stdout(&shown)?;
    }
    text.style = TextStyle::Plain;
    for line in judge.summary() {
        eprintln!("racecheck: {line}");
    }
    let errors = plan.finish(&entries, &notes, &View::new(text, &sources));
    for error in &errors {
        eprintln!("racecheck: {error}");
    }
    Ok(status(broken + errors.len() as u64))
}

fn stdout_style() -> TextStyle {
    match anstream::AutoStream::choice(&std::io::stdout()) {
        anstream::ColorChoice::Never => TextStyle::Plain,
        _ => TextStyle::Colour,
    }
}

/// Every race once, in the order in which they came first.
fn entries(findings: Vec<Finding>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let mut known = BTreeMap::new();
    for finding in findings {
        let at = *known.entry(site_key(&finding)).or_insert(entries.len());
        let entry = Entry::new(finding);
        match entries.get_mut(at) {
            None => entries.push(entry),
            Some(first) => {
                first.count += entry.count;
                for (shard, count) in entry.shards {
                    *first.shards.entry(shard).or_default() += count;
                }
            }
        }
    }
    entries
}

fn write_baseline(files: &[PathBuf], output: Option<&Path>) -> Result<ExitCode> {
    let output = output.map(Output::begin).transpose()?;
    let contents = file::read_all(files)?;
    let text = baseline::text(&contents.findings);
    match output {
        None => write_stdout(&text)?,
        Some(mut file) => {
            let path = file.path().to_owned();
            file.write_all(text.as_bytes()).map_err(Error::file("write to", &path))?;
            file.finish()?;
            eprintln!("racecheck: {} race(s) are known in {}", text.lines().count() - 1, path.display());
        }
    }
    Ok(status(contents.broken))
}

fn merge(files: &[PathBuf], output: Option<&Path>) -> Result<ExitCode> {
    let output = output.map(Output::begin).transpose()?;
    let merge = Merge::read(files)?;
    match output {
        Some(mut file) => {
            merge.write(&mut file).map_err(|error| told(error, file.path()))?;
            file.finish()?;
        }
        None => {
            let out = std::io::stdout().lock();
            merge.write(&mut std::io::BufWriter::new(out)).map_err(|error| told(error, "stdout".as_ref()))?;
        }
    }
    let Summary { reports, races, broken } = merge.summary();
    eprintln!("racecheck: {reports} report(s) of {races} race(s)");
    for (shard, count) in merge.by_shard() {
        eprintln!("racecheck:   {shard}: {count} report(s)");
    }
    Ok(status(broken))
}

fn told(error: MergeError, output: &Path) -> Error {
    match error {
        MergeError::Read(error) => error,
        MergeError::Write(source) => Error::file("write to", output)(source),
    }
}

fn diff(before: &Path, after: &Path) -> Result<ExitCode> {
    let read = |path: &Path| -> Result<(BTreeMap<StableFingerprint, Finding>, u64)> {
        let contents = file::read_all(&[path.to_owned()])?;
        let mut races = BTreeMap::new();
        for finding in contents.findings {
            races.entry(stable_fingerprint(&finding)).or_insert(finding);
        }
        Ok((races, contents.broken))
    };
    let ((before, broken), (after, broken_after)) = (read(before)?, read(after)?);
    let mut text = String::new();
    let mut counts = [0, 0];
    for (sign, count, here, there) in [('+', 0, &after, &before), ('-', 1, &before, &after)] {
        for (fingerprint, finding) in here.iter().filter(|(key, _)| !there.contains_key(key)) {
            text += &format!("{sign} {fingerprint} {}\n", baseline::description(finding));
            counts[count] += 1;
        }
    }
    let [new, gone] = counts;
    text += &format!("{new} new, {gone} gone, {} still there\n", after.len() - new);
    write_stdout(&text)?;
    Ok(match (broken + broken_after, new) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(1),
        (broken, _) => status(broken),
    })
}
