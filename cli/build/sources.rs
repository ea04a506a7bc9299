//! Where the runtime's sources are.
//!
//! In the repository they are beside this crate. A published package holds its own folder only, so `sources/` has
//! them as links, which cargo packs as files: with manifests under another name, since a folder with a `Cargo.toml`
//! would be left out as a package of its own. From these the workspace is put together again.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::error::{Error, variable};

/// The crates that the runtime is made of: their folder in `sources/`, and in the workspace.
const CRATES: [(&str, &str); 3] =
    [("engine", "crates/engine"), ("report", "crates/report"), ("runtime", "detector-runtime")];

/// The runtime's sources, as a part of a workspace.
pub struct Sources {
    workspace: PathBuf,
    watched: Vec<PathBuf>,
}

impl Sources {
    /// Finds them beside this crate, or puts them together in `out_dir`. The one place that knows.
    pub fn locate(out_dir: &Path) -> Result<Self, Error> {
        let here = PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
        let repository = here.join("..");
        let is_there = |(_, folder): &(&str, &str)| repository.join(folder).join("Cargo.toml").is_file();
        if CRATES.iter().all(is_there) {
            let folders = CRATES.iter().map(|(_, folder)| repository.join(folder));
            let watched =
                folders.flat_map(|folder| [folder.join("Cargo.toml"), folder.join("src")]).collect();
            return Ok(Sources { workspace: repository, watched });
        }
        let packed = here.join("sources");
        if !packed.is_dir() {
            return Err(Error::NoSources { repository, packed });
        }
        let workspace = out_dir.join("sources");
        assemble(&packed, &workspace)?;
        Ok(Sources { workspace, watched: vec![packed] })
    }

    /// The runtime's manifest.
    pub fn manifest(&self) -> PathBuf {
        self.workspace.join("detector-runtime/Cargo.toml")
    }

    /// What the result depends on.
    pub fn watched(&self) -> &[PathBuf] {
        &self.watched
    }
}

fn assemble(packed: &Path, workspace: &Path) -> Result<(), Error> {
    let mut root = read(&packed.join("workspace.toml"))?;
    if let Some(Value::Table(table)) = root.get_mut("workspace") {
        let members = CRATES.iter().map(|(_, folder)| Value::from(*folder)).collect();
        table.insert("members".to_owned(), Value::Array(members));
    }
    if let Some(Value::Table(profiles)) = root.get_mut("profile") {
        // They speak of crates that are not here.
        profiles.retain(|name, _| name == "release");
    }
    write(&workspace.join("Cargo.toml"), &root.to_string())?;
    write(&workspace.join("Cargo.lock"), &text(&packed.join("lock.toml"))?)?;
    for (name, folder) in CRATES {
        let (from, to) = (packed.join(name), workspace.join(folder));
        let mut manifest = read(&from.join("manifest.toml"))?;
        manifest.remove("dev-dependencies");
        write(&to.join("Cargo.toml"), &manifest.to_string())?;
        let entries = fs::read_dir(&from).map_err(file("read", &from))?;
        for entry in entries {
            let entry = entry.map_err(file("read", &from))?;
            if entry.path().is_dir() {
                link(&entry.path(), &to.join(entry.file_name()))?;
            }
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Table, Error> {
    let broken =
        |error: toml::de::Error| Error::Manifest { path: path.to_owned(), reason: error.to_string() };
    toml::from_str(&text(path)?).map_err(broken)
}

fn text(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(file("read", path))
}

/// Unchanged files are left alone, so that nothing is built again for them.
fn write(path: &Path, text: &str) -> Result<(), Error> {
    if fs::read_to_string(path).is_ok_and(|present| present == text) {
        return Ok(());
    }
    fs::create_dir_all(path.parent().unwrap_or(path)).map_err(file("create the folder of", path))?;
    fs::write(path, text).map_err(file("write", path))
}

fn link(from: &Path, to: &Path) -> Result<(), Error> {
    if fs::read_link(to).is_ok_and(|present| present == from) {
        return Ok(());
    }
    let _ = fs::remove_file(to);
    std::os::unix::fs::symlink(from, to).map_err(file("create", to))
}

fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { doing, path, source }
}
