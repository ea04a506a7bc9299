//! Files that are whole or not there at all.
//!
//! A file is written beside its place under another name and then renamed, so that nobody ever finds
//! half of one, and what was there before stays until its successor is complete. The beginning is made
//! before the work of which it will tell: a folder that can't be written to is an error then, and not
//! after an hour of tests.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// A file to be written.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// Beside the path, to be renamed.
    Beside(BufWriter<NamedTempFile>),
    /// The path is a device or a pipe, which can't be replaced.
    There(BufWriter<File>),
}

impl Output {
    /// Begins a file.
    pub fn begin(path: &Path) -> Result<Self> {
        let is_special = fs::metadata(path).is_ok_and(|file| !file.is_file() && !file.is_dir());
        if is_special {
            let file = File::options().write(true).open(path).map_err(Error::file("write to", path))?;
            return Ok(Output { path: path.to_owned(), place: Place::There(BufWriter::new(file)) });
        }
        if path.is_dir() {
            return Err(Error::file("write a file to", path)(io::ErrorKind::IsADirectory.into()));
        }
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        fs::create_dir_all(folder).map_err(Error::file("create", folder))?;
        let file = tempfile::Builder::new()
            .prefix(".racecheck-")
            .tempfile_in(folder)
            .map_err(Error::file("create a file in", folder))?;
        Ok(Output { path: path.to_owned(), place: Place::Beside(BufWriter::new(file)) })
    }

    /// Where the file will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Ends the file: it is there now, whole.
    pub fn finish(self) -> Result<()> {
        let path = self.path;
        match self.place {
            Place::There(mut file) => file.flush().map_err(Error::file("write to", &path)),
            Place::Beside(file) => {
                let file =
                    file.into_inner().map_err(|error| Error::file("write to", &path)(error.into_error()))?;
                // Temporary files are their owner's alone; this one is as any other that a program writes.
                let mode = fs::Permissions::from_mode(0o666 & !umask());
                file.as_file().set_permissions(mode).map_err(Error::file("write to", &path))?;
                file.persist(&path).map_err(|error| Error::file("write to", &path)(error.error)).map(drop)
            }
        }
    }
}

/// The bits of permission that new files do not get.
fn umask() -> u32 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    line.and_then(|mask| u32::from_str_radix(mask.trim(), 8).ok()).unwrap_or(0o022)
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.place {
            Place::Beside(file) => file.write(bytes),
            Place::There(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.place {
            Place::Beside(file) => file.flush(),
            Place::There(file) => file.flush(),
        }
    }
}
