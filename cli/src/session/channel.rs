//! The folder into which the processes of a session write their findings: one file for each process,
//! one line for each finding.
//!
//! A line is read when its end is there; the runtime writes each with one `write`, so a line without an
//! end is one that a full disk or a kill cut off. Such a line, like one that can't be understood, is
//! told to the user and counts as a report: something was found, even if not what.
//!
//! For each line that was read the session's word on it is added to a file beside, `END race` or `END held-back`,
//! where `END` is the place at which the line ends. The runtime waits for it when a test ends that found something,
//! and at the end of a process that is to answer for itself.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use racecheck_report::model::Record;
use tempfile::TempDir;

use super::printer::{Printer, Verdict};
use crate::error::{Error, Result};

/// Tells the runtime, and a racecheck inside of a racecheck, where the channel is.
pub const ENVIRONMENT_VARIABLE: &str = "RACECHECK_CHANNEL";

/// Ending of the files.
const EXTENSION: &str = "jsonl";

/// Ending of the files that hold the session's word on each line.
const VERDICTS: &str = "verdicts";

/// The reading end. The folder goes when this is dropped.
#[derive(Debug)]
pub struct Channel {
    folder: TempDir,
    files: BTreeMap<OsString, Tail>,
}

/// A file, and how far it was read.
#[derive(Debug)]
struct Tail {
    path: PathBuf,
    file: Option<File>,
    position: u64,
    lines: usize,
    /// What was read after the last line's end.
    rest: Vec<u8>,
}

impl Channel {
    /// Opens a channel. `None`: there is one already, of a racecheck around this one.
    pub fn open() -> Result<Option<Self>> {
        let outer = std::env::var_os(ENVIRONMENT_VARIABLE);
        if outer.is_some_and(|folder| Path::new(&folder).is_dir()) {
            return Ok(None);
        }
        // Readable to the user only: findings hold paths and names.
        let folder =
            tempfile::Builder::new().prefix("racecheck-").tempdir().map_err(|source| Error::File {
                doing: "create a folder for reports in",
                path: std::env::temp_dir(),
                source,
                hint: ". Set TMPDIR to a folder that racecheck may write to",
            })?;
        Ok(Some(Channel { folder, files: BTreeMap::new() }))
    }

    /// Where processes write.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Reads what came since the last call.
    pub fn read(&mut self, printer: &mut Printer) {
        // A program may have removed the folder: told at the end.
        let Ok(entries) = fs::read_dir(self.folder.path()) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if Path::new(&name).extension().is_some_and(|extension| extension == EXTENSION) {
                self.files.entry(name).or_insert_with(|| Tail::new(entry.path()));
            }
        }
        for tail in self.files.values_mut() {
            tail.read(printer);
        }
    }

    /// Reads the rest, when nobody writes any more.
    pub fn finish(&mut self, printer: &mut Printer) {
        self.read(printer);
        if let Err(error) = fs::read_dir(self.path()) {
            let folder = self.path().display();
            printer
                .trouble(&format!("the folder for reports, {folder}, is gone, and what was in it: {error}"));
        }
        for tail in self.files.values_mut() {
            tail.finish(printer);
        }
    }
}

impl Tail {
    fn new(path: PathBuf) -> Self {
        Tail { path, file: None, position: 0, lines: 0, rest: Vec::new() }
    }

    fn read(&mut self, printer: &mut Printer) {
        if let Err(error) = self.read_bytes() {
            printer.trouble(&format!("reports in {} can't be read: {error}", self.path.display()));
            // Tried again at the next look; a file that stays unreadable is told once by the printer.
            return;
        }
        let mut place = self.position - self.rest.len() as u64;
        let Some(end) = self.rest.iter().rposition(|&byte| byte == b'\n') else { return };
        let rest = self.rest.split_off(end + 1);
        let lines = std::mem::replace(&mut self.rest, rest);
        let mut verdicts = String::new();
        for line in lines.split_inclusive(|&byte| byte == b'\n') {
            place += line.len() as u64;
            let line = line.trim_ascii_end();
            if !line.is_empty() {
                let verdict = self.line(line, printer);
                // Writing to a string never fails.
                let _ = writeln!(verdicts, "{place} {}", verdict.word());
            }
        }
        self.answer(&verdicts);
    }

    /// Tells the process what became of its findings. Without that word it takes each for a race, and it waits no
    /// longer than some seconds, so a failure is none to be told.
    fn answer(&self, verdicts: &str) {
        let path = self.path.with_extension(VERDICTS);
        let file = OpenOptions::new().create(true).append(true).open(path);
        let _ = file.and_then(|mut file| file.write_all(verdicts.as_bytes()));
    }

    fn read_bytes(&mut self) -> std::io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(File::open(&self.path)?),
        };
        file.seek(SeekFrom::Start(self.position))?;
        let count = file.read_to_end(&mut self.rest)?;
        self.position += count as u64;
        Ok(())
    }

    fn finish(&mut self, printer: &mut Printer) {
        let rest = std::mem::take(&mut self.rest);
        if !rest.is_empty() {
            self.line(&rest, printer);
        }
    }

    fn line(&mut self, line: &[u8], printer: &mut Printer) -> Verdict {
        self.lines += 1;
        let text = String::from_utf8_lossy(line);
        match Record::from_json_line(&text) {
            Ok(Record::Finding(finding)) => printer.finding(*finding),
            Ok(Record::Process(note)) => {
                printer.note(note);
                Verdict::HeldBack
            }
            Err(error) => {
                let process = self.path.file_stem().unwrap_or_default().to_string_lossy();
                let number = self.lines;
                printer.trouble(&format!("report {number} of process {process} can't be shown: {error}"));
                Verdict::Race
            }
        }
    }
}
