//! `racecheck clean`: empties the cache.

use std::io::ErrorKind;
use std::process::ExitCode;

use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::progress::Progress;

/// The cache's folders. Only these are removed: `RACECHECK_CACHE` may name a folder that holds more.
const FOLDERS: [&str; 4] = ["kits", "runtime", "sysroots", "locks"];

/// Removes everything that racecheck put into its cache.
pub fn clean() -> Result<ExitCode> {
    let cache = Cache::locate()?;
    for folder in FOLDERS.map(|name| cache.root().join(name)) {
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(Error::cache("remove", &folder)(error));
            }
            _ => {}
        }
    }
    // The folder itself goes if nothing else is in it.
    let _ = std::fs::remove_dir(cache.root());
    Progress::default().say("Removed", &cache.root().display().to_string());
    Ok(ExitCode::SUCCESS)
}
