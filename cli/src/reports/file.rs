//! Reads files of findings: JSON lines, as `--format json` and the runtime write them.
//!
//! A line that is broken does not take the others with it: it is named, counted, and the reader goes on.
//! So a file that a full disk or a kill has cut off still gives all that it holds.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use racecheck_report::Finding;
use racecheck_report::model::{DecodeError, ProcessNote, Record};

use crate::error::{Error, Result};

/// A longer line is no finding.
const LONGEST: usize = 64 << 20;

/// A file of findings.
pub struct ReportFile {
    path: PathBuf,
    input: Box<dyn BufRead>,
    line: Vec<u8>,
    number: u64,
    /// Where `line` begins.
    start: u64,
    /// Where the next line begins.
    next: u64,
}

/// A line that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{}:{line}: {problem}", path.display())]
pub struct BadLine {
    path: PathBuf,
    line: u64,
    problem: Problem,
}

#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("the line is cut off (the file was not written to its end): {0}")]
    Cut(DecodeError),
    #[error("{0}")]
    Broken(DecodeError),
    #[error("the line is not UTF-8")]
    NotText,
    #[error("the line has more than {} MiB: this is no file of findings", LONGEST >> 20)]
    TooLong,
    #[error("could not be read: {0}")]
    Unreadable(io::Error),
}

impl ReportFile {
    /// Opens a file; `-` is standard input.
    pub fn open(path: &Path) -> Result<Self> {
        let input: Box<dyn BufRead> = if path == Path::new("-") {
            Box::new(io::stdin().lock())
        } else {
            let file = File::open(path).map_err(Error::file("read", path))?;
            // Opening a folder succeeds, reading it does not.
            if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
                return Err(Error::file("read", path)(io::ErrorKind::IsADirectory.into()));
            }
            Box::new(BufReader::with_capacity(1 << 18, file))
        };
        Ok(ReportFile { path: path.to_owned(), input, line: Vec::new(), number: 0, start: 0, next: 0 })
    }

    /// Goes on to the next line that is not empty. `None` at the file's end.
    pub fn advance(&mut self) -> Option<Result<(), BadLine>> {
        loop {
            self.line.clear();
            self.number += 1;
            self.start = self.next;
            let mut limited = io::Read::take(&mut self.input, LONGEST as u64);
            let problem = match limited.read_until(b'\n', &mut self.line) {
                Ok(0) => return None,
                Ok(count) => {
                    self.next += count as u64;
                    match str::from_utf8(&self.line) {
                        _ if count == LONGEST => Some(Problem::TooLong),
                        Ok(text) if text.trim().is_empty() => continue,
                        Ok(_) => return Some(Ok(())),
                        Err(_) => Some(Problem::NotText),
                    }
                }
                Err(error) => Some(Problem::Unreadable(error)),
            };
            if !matches!(problem, Some(Problem::NotText)) {
                // Nothing sensible will follow.
                self.input = Box::new(io::empty());
            }
            return problem.map(|problem| Err(self.bad(problem)));
        }
    }

    /// The current line, without its end.
    pub fn text(&self) -> &str {
        // Lines that are not text were refused.
        str::from_utf8(&self.line).unwrap_or_default().trim_end_matches(['\n', '\r'])
    }

    /// Where in the file the current line begins.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// What the current line is.
    pub fn decode(&self) -> Result<Record, BadLine> {
        Record::from_json_line(self.text()).map_err(|error| {
            let is_cut = self.line.last() != Some(&b'\n') && matches!(error, DecodeError::Broken { .. });
            self.bad(if is_cut { Problem::Cut(error) } else { Problem::Broken(error) })
        })
    }

    fn bad(&self, problem: Problem) -> BadLine {
        BadLine { path: self.path.clone(), line: self.number, problem }
    }
}

/// Everything in files of findings.
#[derive(Debug, Default)]
pub struct Contents {
    /// The findings, in their order.
    pub findings: Vec<Finding>,
    /// What processes said at their end.
    pub notes: Vec<ProcessNote>,
    /// How many lines were broken. They were told.
    pub broken: u64,
}

/// Reads files whole.
pub fn read_all(paths: &[PathBuf]) -> Result<Contents> {
    let mut contents = Contents::default();
    for path in paths {
        let mut file = ReportFile::open(path)?;
        while let Some(line) = file.advance() {
            match line.and_then(|()| file.decode()) {
                Ok(Record::Finding(finding)) => contents.findings.push(*finding),
                Ok(Record::Process(note)) => contents.notes.push(note),
                Err(bad) => {
                    contents.broken += 1;
                    eprintln!("racecheck: {bad}");
                }
            }
        }
    }
    Ok(contents)
}
