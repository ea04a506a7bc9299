//! A published crate, unpacked into a folder where it can be tested.
//!
//! Cargo does the fetching, so that mirrors, proxies and offline copies work as the user set them up: a
//! throw-away package depends on the crate, and cargo says where it unpacked it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::error::{Error, Result};

/// A crate's source, as published, in a folder of its own.
#[derive(Debug)]
pub struct Package {
    /// The version that cargo chose.
    pub version: String,
    /// Where it can be built.
    pub folder: PathBuf,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<MetadataPackage>,
}

#[derive(Deserialize)]
struct MetadataPackage {
    name: String,
    version: String,
    manifest_path: PathBuf,
    source: Option<String>,
}

impl Package {
    /// Fetches the crate `name` in a version that meets `requirement`, and unpacks it below `work`.
    pub fn fetch(name: &str, requirement: &str, work: &Path) -> Result<Self> {
        let probe = work.join("fetch").join(name);
        write_probe(&probe, name, requirement)?;
        let output = Command::new("cargo")
            .args(["metadata", "--format-version=1"])
            .current_dir(&probe)
            .output()
            .map_err(|source| Error::Start { program: "cargo".to_owned(), source })?;
        if !output.status.success() {
            return Err(Error::Fetch {
                name: name.to_owned(),
                version: requirement.to_owned(),
                said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
            });
        }
        let unpacked = serde_json::from_slice::<Metadata>(&output.stdout)
            .ok()
            .and_then(|metadata| {
                metadata.packages.into_iter().find(|it| it.name == name && it.source.is_some())
            })
            .ok_or_else(|| Error::NotUnpacked { name: name.to_owned() })?;
        let from =
            unpacked.manifest_path.parent().ok_or_else(|| Error::NotUnpacked { name: name.to_owned() })?;
        let folder = work.join("src").join(format!("{name}-{}", unpacked.version));
        if !folder.exists() {
            copy(from, &folder)?;
            stand_alone(&folder)?;
        }
        Ok(Package { version: unpacked.version, folder })
    }
}

fn write_probe(probe: &Path, name: &str, requirement: &str) -> Result<()> {
    let source = probe.join("src");
    fs::create_dir_all(&source).map_err(Error::file("create", &source))?;
    let main = source.join("main.rs");
    fs::write(&main, "fn main() {}\n").map_err(Error::file("write", &main))?;
    let manifest = probe.join("Cargo.toml");
    let text = format!(
        "[package]\nname = \"fetch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[workspace]\n\n\
         [dependencies]\n{name} = \"{requirement}\"\n"
    );
    fs::write(&manifest, text).map_err(Error::file("write", &manifest))
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).map_err(Error::file("create", to))?;
    for entry in fs::read_dir(from).map_err(Error::file("read", from))? {
        let entry = entry.map_err(Error::file("read", from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            copy(&source, &target)?;
        } else {
            fs::copy(&source, &target).map_err(Error::file("copy", &source))?;
        }
    }
    Ok(())
}

/// Files that were made for the authors' workspace: locked versions may be yanked by now, and a toolchain
/// of their choice is not the one to test.
const AUTHORS_OWN: [&str; 3] = ["Cargo.lock", "rust-toolchain", "rust-toolchain.toml"];

/// Makes the package a workspace of its own.
fn stand_alone(folder: &Path) -> Result<()> {
    for file in AUTHORS_OWN.map(|name| folder.join(name)) {
        if file.exists() {
            fs::remove_file(&file).map_err(Error::file("remove", &file))?;
        }
    }
    let manifest = folder.join("Cargo.toml");
    let text = fs::read_to_string(&manifest).map_err(Error::file("read", &manifest))?;
    fs::write(&manifest, own_manifest(&text)).map_err(Error::file("write", &manifest))
}

/// A dev-dependency that only benchmarks use, and cargo would build for the tests with the forty crates below.
const FOR_BENCHMARKS: &str = "[dev-dependencies.criterion]";

/// The manifest as it has to be for tests in a folder of its own. Published manifests are written by cargo,
/// so that each dependency has a table of its own.
fn own_manifest(published: &str) -> String {
    let mut own = String::new();
    let mut skipping = false;
    for line in published.lines() {
        if line.starts_with('[') {
            skipping = line == FOR_BENCHMARKS;
        }
        if !skipping {
            own.push_str(line);
            own.push('\n');
        }
    }
    if !published.lines().any(|line| line.starts_with("[workspace")) {
        own.push_str("\n[workspace]\n");
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifest_stands_alone_and_is_without_benchmarks() {
        let published = "[package]\nname = \"a\"\n\n[dev-dependencies.criterion]\nversion = \"0.5\"\n\n\
                         [dev-dependencies.rand]\nversion = \"0.8\"\n";
        assert_eq!(
            own_manifest(published),
            "[package]\nname = \"a\"\n\n[dev-dependencies.rand]\nversion = \"0.8\"\n\n[workspace]\n"
        );
    }
}
