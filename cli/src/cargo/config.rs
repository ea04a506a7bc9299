//! Cargo's config files, as far as racecheck has to respect what they say.
//!
//! Most of the configuration is cargo's business. But some settings would be lost because racecheck
//! sets the same thing (the wrapper, flags), and some decide which compiler it is.

use std::fs;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::line::Line;
use crate::error::{Error, Result};

/// All config files that hold here, in the order of precedence: the first that has a setting wins.
#[derive(Debug, Default)]
pub struct Config {
    files: Vec<ConfigFile>,
}

#[derive(Debug)]
struct ConfigFile {
    /// The folder to which relative paths in it refer.
    base: PathBuf,
    table: Table,
}

impl Config {
    /// Reads what cargo would read in the folder `here`, with these arguments.
    pub fn read(here: &Path, line: &Line) -> Result<Self> {
        let mut config = Config::default();
        for argument in line.values("--config") {
            match argument.to_str().and_then(|text| toml::from_str::<Table>(text).ok()) {
                Some(table) => config.files.push(ConfigFile { base: here.to_owned(), table }),
                None => config.add(&here.join(argument))?,
            }
        }
        for folder in here.ancestors() {
            config.add_either(&folder.join(".cargo"))?;
        }
        if let Some(home) = cargo_home() {
            config.add_either(&home)?;
        }
        Ok(config)
    }

    /// Adds the config file in `folder`. Of the old name and the new, cargo prefers the old.
    fn add_either(&mut self, folder: &Path) -> Result<()> {
        let old = folder.join("config");
        self.add(&if old.is_file() { old } else { folder.join("config.toml") })
    }

    fn add(&mut self, path: &Path) -> Result<()> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                ) =>
            {
                return Ok(());
            }
            Err(error) => return Err(Error::file("read", path)(error)),
        };
        let table = toml::from_str(&text).map_err(|error| Error::CargoConfig {
            path: path.to_owned(),
            reason: error.to_string().trim().to_owned(),
        })?;
        let base = path.parent().and_then(Path::parent).unwrap_or(Path::new("/")).to_owned();
        let known = self.files.iter().any(|file| file.base == base && file.table == table);
        if !known {
            self.files.push(ConfigFile { base, table });
        }
        Ok(())
    }

    fn settings(
        &self,
        table: &'static str,
        key: &'static str,
    ) -> impl Iterator<Item = (&ConfigFile, &Value)> {
        self.files.iter().filter_map(move |file| Some((file, file.table.get(table)?.get(key)?)))
    }

    /// A setting that is one text.
    pub fn text(&self, table: &'static str, key: &'static str) -> Option<&str> {
        self.settings(table, key).find_map(|(_, value)| value.as_str())
    }

    /// A setting that names a program: a path relative to the file where it holds a slash.
    pub fn path(&self, table: &'static str, key: &'static str) -> Option<PathBuf> {
        let (file, value) = self.settings(table, key).next()?;
        let text = value.as_str()?;
        Some(if text.contains('/') { file.base.join(text) } else { text.into() })
    }

    /// A setting that is a list, or a text with spaces. Cargo joins those of all files, and what has
    /// precedence comes last, where rustc heeds it.
    pub fn texts(&self, table: &'static str, key: &'static str) -> Vec<String> {
        let mut all: Vec<_> = self.settings(table, key).map(|(_, value)| words(value)).collect();
        all.reverse();
        all.concat()
    }

    /// A list in the table of one target, `[target.TRIPLE]`.
    pub fn target_texts(&self, triple: &str, key: &str) -> Vec<String> {
        let of_target = |file: &ConfigFile| Some(words(file.table.get("target")?.get(triple)?.get(key)?));
        let mut all: Vec<_> = self.files.iter().filter_map(of_target).collect();
        all.reverse();
        all.concat()
    }

    /// Whether some `[target.…]` that may hold for the triple has this key: its own or one with `cfg`.
    pub fn target_has(&self, triple: &str, key: &str) -> bool {
        let targets = self.files.iter().filter_map(|file| file.table.get("target")?.as_table());
        targets
            .flatten()
            .any(|(name, table)| (name == triple || name.starts_with("cfg(")) && table.get(key).is_some())
    }
}

fn words(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => text.split_whitespace().map(str::to_owned).collect(),
        Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn cargo_home() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("CARGO_HOME").or_else(|| Some(variable("HOME")?.join(".cargo")))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    #[test]
    fn nearer_files_win_and_lists_are_joined() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        for (folder, text) in [
            (
                root.path(),
                "[build]\nrustc = 'outer'\nrustflags = ['--cfg', 'outer']\nrustc-wrapper = 'tools/wrap'",
            ),
            (&inner, "[build]\nrustc = 'inner'\nrustflags = '--cfg inner'"),
        ] {
            fs::create_dir_all(folder.join(".cargo")).unwrap();
            fs::write(folder.join(".cargo/config.toml"), text).unwrap();
        }
        let line = Line::new(["--config", "build.rustdocflags=['-Dx']"].map(OsString::from).to_vec());
        let config = Config::read(&inner, &line).unwrap();
        assert_eq!(config.text("build", "rustc"), Some("inner"));
        assert_eq!(config.texts("build", "rustflags"), ["--cfg", "outer", "--cfg", "inner"]);
        assert_eq!(config.texts("build", "rustdocflags"), ["-Dx"]);
        assert_eq!(config.path("build", "rustc-wrapper"), Some(root.path().join("tools/wrap")));
    }

    #[test]
    fn misuse_a_broken_file_is_named() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join(".cargo")).unwrap();
        fs::write(root.path().join(".cargo/config.toml"), "[build").unwrap();
        let error = Config::read(root.path(), &Line::default()).unwrap_err().to_string();
        assert!(error.contains(".cargo/config.toml"), "{error}");
    }
}
