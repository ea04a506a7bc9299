//! `racecheck stats`: what the detector could not see, and what it took.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::error::{EXIT_STATUS, Result};
use crate::reports::file;
use crate::reports::note::Notes;

/// Prints what the processes in these files said at their ends.
pub fn print(files: &[PathBuf]) -> Result<ExitCode> {
    let contents = file::read_all(files)?;
    let mut notes = Notes::default();
    contents.notes.into_iter().for_each(|note| notes.add(note));
    let table = notes.table();
    if table.is_empty() {
        println!("no process said anything at its end (one that was killed can't)");
    }
    for line in table {
        println!("{line}");
    }
    Ok(if contents.broken == 0 { ExitCode::SUCCESS } else { ExitCode::from(EXIT_STATUS) })
}
