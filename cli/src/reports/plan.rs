//! What `--format` and `--output` ask for: how reports are shown, and which files are written.

use std::io::Write;
use std::path::{Path, PathBuf};

use racecheck_report::format::{Entry, Format, View};

use super::note::Notes;
use super::output::Output;
use crate::error::{Error, Result};
use crate::options::ReportOptions;

/// How reports are shown, and the files that are to be written.
#[derive(Debug)]
pub struct Plan {
    /// The format for the terminal, or wherever reports are shown.
    pub shown: Format,
    outputs: Vec<(Format, Output)>,
}

impl Plan {
    /// Begins the files, so that what can't be written is an error before anything is run. `usual` is
    /// the format where none is asked for.
    pub fn begin(options: &ReportOptions, usual: Format) -> Result<Self> {
        let mut shown = None;
        let mut files: Vec<(Format, PathBuf)> = Vec::new();
        for text in &options.format {
            match text.split_once('=') {
                Some((format, file)) => files.push((format.parse()?, file.into())),
                None => {
                    let format = text.parse()?;
                    if shown.replace(format).is_some() {
                        return Err(Error::TwoFormats { format });
                    }
                }
            }
        }
        for path in &options.output {
            // With one document asked for and one file named, the one is for the other.
            let named = path.file_name().and_then(|name| Format::of_file_name(name.to_str()?));
            let format = named.or(shown.filter(|format| !format.is_stream()));
            files.push((format.ok_or_else(|| Error::OutputFormat { path: path.clone() })?, path.clone()));
        }
        let shown = match shown {
            Some(format) if !format.is_stream() => {
                if !files.iter().any(|(other, _)| *other == format) {
                    return Err(Error::NeedsFile { format, example: example(format) });
                }
                usual
            }
            other => other.unwrap_or(usual),
        };
        let begin = |(format, path): (Format, PathBuf)| Ok((format, Output::begin(&path)?));
        Ok(Plan { shown, outputs: files.into_iter().map(begin).collect::<Result<_>>()? })
    }

    /// No files, and reports shown like this.
    pub fn nothing(shown: Format) -> Self {
        Plan { shown, outputs: Vec::new() }
    }

    /// Whether any file is to be written.
    pub fn has_files(&self) -> bool {
        !self.outputs.is_empty()
    }

    /// Writes the files. Every error is given: one that fails does not keep the others from being written.
    pub fn finish(self, entries: &[Entry], notes: &Notes, view: &View<'_>) -> Vec<Error> {
        let write = |(format, output)| write(format, output, entries, notes, view);
        self.outputs.into_iter().map(write).filter_map(Result::err).collect()
    }
}

fn write(
    format: Format,
    mut output: Output,
    entries: &[Entry],
    notes: &Notes,
    view: &View<'_>,
) -> Result<()> {
    let path = output.path().to_owned();
    let mut text = String::new();
    format.write_all(&mut text, entries, view).map_err(|_| refused(format, &path))?;
    if format == Format::Json {
        text.extend(notes.joined().map(|note| note.to_json_line() + "\n"));
    }
    output.write_all(text.as_bytes()).map_err(Error::file("write to", &path))?;
    output.finish()
}

/// A library that makes a format would not write it.
fn refused(format: Format, path: &Path) -> Error {
    Error::file("write to", path)(std::io::Error::other(format!("the {format} could not be made")))
}

fn example(format: Format) -> &'static str {
    match format {
        Format::Sarif => "racecheck.sarif",
        Format::Junit => "racecheck.xml",
        Format::Html => "racecheck.html",
        Format::Json => "racecheck.jsonl",
        Format::Text | Format::Pretty | Format::Github => "racecheck.txt",
    }
}
