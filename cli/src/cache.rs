//! The folder where racecheck keeps what it makes once: instrumented sysroots and its own runtime.
//!
//! Invariant: whatever has its final name is complete. Things are made under a temporary name in the
//! same folder and renamed, so that a crash, a full disk or another racecheck never leaves half of
//! something behind that looks whole.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The cache folder.
#[derive(Clone, Debug)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// The folder that the environment names: `RACECHECK_CACHE`, or `racecheck` in the user's cache.
    pub fn locate() -> Result<Self> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        // XDG's specification: a relative path is to be ignored.
        let xdg = || variable("XDG_CACHE_HOME").filter(|path| path.is_absolute());
        let home = || Some(variable("HOME")?.join(".cache"));
        let named = variable("RACECHECK_CACHE");
        let root = named.or_else(|| Some(xdg().or_else(home)?.join("racecheck")));
        let root = root.ok_or(Error::NoCacheFolder)?;
        // Cargo and rustc run in other folders than we do.
        let root = std::path::absolute(&root).map_err(Error::cache("find", &root))?;
        Ok(Cache { root })
    }

    /// The folder itself. It need not exist.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A folder in the cache, made if it is not there.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.root.join(name);
        fs::create_dir_all(&folder).map_err(Error::cache("create", &folder))?;
        Ok(folder)
    }

    /// Waits until no other racecheck holds the lock of this name, and takes it. It is free again when
    /// the file is dropped, or when the process ends in whatever way.
    pub fn lock(&self, name: &str, waiting: impl FnOnce()) -> Result<File> {
        let path = self.folder("locks")?.join(name);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(Error::cache("open", &path))?;
        if file.try_lock().is_err() {
            waiting();
            file.lock().map_err(Error::cache("lock", &path))?;
        }
        Ok(file)
    }
}

/// Writes a file so that its name stands for all of `content` or for nothing.
pub fn write_whole(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        std::io::Write::write_all(&mut file, content)?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(Error::cache("write", path))
}

/// Makes `link` point to `target`, in place of whatever it was, without a moment in which it is gone.
pub fn link_whole(target: &Path, link: &Path) -> Result<()> {
    if fs::read_link(link).is_ok_and(|present| present == target) {
        return Ok(());
    }
    let folder = link.parent().unwrap_or(Path::new("."));
    let make = || -> std::io::Result<()> {
        let temporary = tempfile::tempdir_in(folder)?;
        let new = temporary.path().join("link");
        std::os::unix::fs::symlink(target, &new)?;
        fs::rename(&new, link)
    };
    make().map_err(Error::cache("write", link))
}
