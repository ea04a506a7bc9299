//! `racecheck clean`: empties the cache, or takes out what nobody has used for long.
//!
//! A kit is what builds use, and each use leaves a new time on it (see [`crate::kit`]). What no kit links to any more
//! goes with it.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::inlined;
use crate::kit::{self, Kit};
use crate::options::CleanOptions;
use crate::progress::{Progress, Verbosity};

/// The cache's folders. Only these are removed: `RACECHECK_CACHE` may name a folder that holds more.
const FOLDERS: [&str; 5] = [kit::FOLDER, "runtime", "sysroots", inlined::FOLDER, "locks"];

/// Folders of what kits link to.
const LINKED: [&str; 3] = ["runtime", "sysroots", inlined::FOLDER];

/// Removes what the options say from what racecheck put into its cache.
pub fn clean(options: &CleanOptions, verbosity: Verbosity) -> Result<ExitCode> {
    let cache = Cache::locate()?;
    let progress = Progress::new(verbosity);
    match options.older_than {
        None => remove_all(&cache, &progress)?,
        Some(age) => prune(&cache, age, &progress)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn remove_all(cache: &Cache, progress: &Progress) -> Result<()> {
    for folder in FOLDERS.map(|name| cache.root().join(name)) {
        remove(&folder)?;
    }
    // The folder itself goes if nothing else is in it.
    let _ = fs::remove_dir(cache.root());
    progress.say("Removed", &cache.root().display().to_string());
    Ok(())
}

fn prune(cache: &Cache, age: Duration, progress: &Progress) -> Result<()> {
    let now = SystemTime::now();
    let mut used = BTreeSet::new();
    let mut removed = 0;
    for folder in entries(&cache.root().join(kit::FOLDER))? {
        // A time in the future is that of another clock: as good as now.
        let unused = now.duration_since(Kit::last_use(&folder)).unwrap_or_default();
        if unused >= age {
            remove(&folder)?;
            removed += 1;
        } else {
            used.extend(Kit::links(&folder));
        }
    }
    for folder in LINKED {
        for entry in entries(&cache.root().join(folder))? {
            // A sysroot that is being made has a name with a dot, and no kit yet.
            let is_new = fs::metadata(&entry)
                .and_then(|status| status.modified())
                .is_ok_and(|time| now.duration_since(time).unwrap_or_default() < age);
            if !used.contains(&entry) && !is_new {
                remove(&entry)?;
                removed += 1;
            }
        }
    }
    progress.say("Removed", &format!("{removed} folder(s) of {}", cache.root().display()));
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => Ok(entries.flatten().map(|entry| entry.path()).collect()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(Error::cache("read", folder)(error)),
    }
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::cache("remove", folder)(error)),
        _ => Ok(()),
    }
}
