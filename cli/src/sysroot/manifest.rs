//! The list of a sysroot's files, by which a damaged one is recognised.
//!
//! Sizes are enough: they catch what happens to caches (files cut short by a full disk, deleted by a
//! cleaner, restored in part), and cost one `stat` for each file at every start.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cache;
use crate::error::{Error, Result};

const FILE: &str = "manifest.json";

/// What a sysroot consists of.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    files: Vec<Entry>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Entry {
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    /// A file of its own.
    File { size: u64 },
    /// A link to what must exist.
    Link { to: PathBuf },
}

impl Manifest {
    /// Lists what is in `root`.
    pub fn of(root: &Path) -> Result<Self> {
        let mut files = Vec::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(folder) = folders.pop() {
            let path = root.join(&folder);
            for entry in fs::read_dir(&path).map_err(Error::cache("read", &path))? {
                let entry = entry.map_err(Error::cache("read", &path))?;
                let relative = folder.join(entry.file_name());
                let status = entry.metadata().map_err(Error::cache("read", entry.path()))?;
                if status.is_dir() {
                    folders.push(relative);
                } else if status.is_symlink() {
                    let to = fs::read_link(entry.path()).map_err(Error::cache("read", entry.path()))?;
                    files.push(Entry { path: relative, kind: Kind::Link { to } });
                } else {
                    files.push(Entry { path: relative, kind: Kind::File { size: status.len() } });
                }
            }
        }
        files.sort();
        Ok(Manifest { files })
    }

    /// Writes the list to `root`.
    pub fn save(&self, root: &Path) -> Result<()> {
        let path = root.join(FILE);
        let text = serde_json::to_vec(self).map_err(|error| Error::cache("write", &path)(error.into()))?;
        cache::write_whole(&path, &text)
    }

    /// Reads the list of `root`, if there is one that can be read.
    pub fn load(root: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(root.join(FILE)).ok()?).ok()
    }

    /// Whether everything listed is in `root` as it was.
    pub fn holds(&self, root: &Path) -> bool {
        self.files.iter().all(|entry| {
            let path = root.join(&entry.path);
            match &entry.kind {
                Kind::File { size } => {
                    fs::symlink_metadata(&path).is_ok_and(|status| status.is_file() && status.len() == *size)
                }
                Kind::Link { to } => fs::read_link(&path).is_ok_and(|link| link == *to) && path.exists(),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_seen() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("lib/file");
        fs::create_dir(root.path().join("lib")).unwrap();
        fs::write(&file, "whole").unwrap();
        std::os::unix::fs::symlink(&file, root.path().join("link")).unwrap();
        Manifest::of(root.path()).unwrap().save(root.path()).unwrap();
        let manifest = Manifest::load(root.path()).unwrap();
        assert!(manifest.holds(root.path()));

        fs::write(&file, "who").unwrap();
        assert!(!manifest.holds(root.path()), "a file that was cut short");
        fs::write(&file, "whole").unwrap();
        assert!(manifest.holds(root.path()));
        fs::remove_file(root.path().join("link")).unwrap();
        assert!(!manifest.holds(root.path()), "a link that is gone");
    }

    #[test]
    fn a_broken_list_is_none() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(FILE), "{\"files\":[").unwrap();
        assert_eq!(Manifest::load(root.path()), None);
    }
}
