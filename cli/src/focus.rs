//! `--focus`: plain accesses are looked at in some crates only.
//!
//! Outside of the focus, code is instrumented for what it synchronises, and for nothing else: its atomics make edges,
//! and what it calls of libc does, so that no report becomes false; its own reads and writes are not looked at, and its
//! functions are missing from stacks. So a program whose hot code is somebody else's runs at nearly native speed.
//!
//! Code of a generic function belongs to the crate that instantiates it.

use std::path::Path;

use crate::cache;
use crate::error::{Error, Result};

/// The word that stands for all crates that are not from a registry or a repository.
const WORKSPACE: &str = "workspace";

/// Name of a kit's file that says its focus.
const FILE: &str = "focus";

/// LLVM's options for code outside of the focus.
pub const OUTSIDE: [&str; 3] = [
    "-tsan-instrument-memory-accesses=0",
    "-tsan-instrument-memintrinsics=0",
    "-tsan-instrument-func-entry-exit=0",
];

/// The functions that code generation calls for copies and fills. In crates in focus, the pass has put calls of the
/// runtime in the place of these, so that calls of libc's own names come from elsewhere.
const OF_CODE_GENERATION: [&str; 3] = ["memcpy", "memmove", "memset"];

/// The linker's options for a program with a focus: copies and fills outside of it are not looked at.
pub fn linker_options() -> impl Iterator<Item = String> {
    OF_CODE_GENERATION
        .into_iter()
        .map(|name| format!("-Clink-arg=-Wl,--wrap={name},--defsym=__wrap_{name}=racecheck_rt_plain_{name}"))
}

/// The crates whose plain accesses are looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Focus {
    /// Names as rustc has them; none stands for all crates.
    names: Vec<String>,
}

impl Focus {
    /// The focus that a list of packages or crates, with commas between them, asks for.
    pub fn on(list: &str) -> Self {
        let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
        let mut names: Vec<String> = names.map(|name| name.replace('-', "_")).collect();
        names.sort();
        names.dedup();
        Focus { names }
    }

    /// True if all crates are looked at, the standard library too.
    pub fn is_everything(&self) -> bool {
        self.names.is_empty()
    }

    /// True if the crate is looked at.
    pub fn holds(&self, name: &str, origin: Origin) -> bool {
        let is_named = |own: &String| own == name || own == WORKSPACE && origin == Origin::Local;
        self.is_everything() || self.names.iter().any(is_named)
    }

    /// Writes it into a kit.
    pub fn save(&self, kit: &Path) -> Result<()> {
        match self.is_everything() {
            true => Ok(()),
            false => cache::write_whole(&kit.join(FILE), self.names.join("\n").as_bytes()),
        }
    }

    /// The focus of a kit.
    pub fn load(kit: &Path) -> Result<Self> {
        match std::fs::read_to_string(kit.join(FILE)) {
            Ok(names) => Ok(Focus { names: names.lines().map(str::to_owned).collect() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Focus::default()),
            Err(error) => Err(Error::file("read", kit.join(FILE))(error)),
        }
    }
}

/// Where a crate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The workspace, or a path.
    Local,
    /// A registry or a repository.
    Fetched,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_crates() {
        let focus = Focus::on("my-crate, other");
        assert!(focus.holds("my_crate", Origin::Fetched) && focus.holds("other", Origin::Local));
        assert!(!focus.holds("third", Origin::Local));
    }

    #[test]
    fn the_workspace_is_what_was_not_fetched() {
        let focus = Focus::on("workspace,serde");
        assert!(focus.holds("anything", Origin::Local) && focus.holds("serde", Origin::Fetched));
        assert!(!focus.holds("anything", Origin::Fetched));
    }

    #[test]
    fn nothing_named_is_everything() {
        assert!(Focus::default().is_everything() && Focus::on("").is_everything());
        assert!(Focus::default().holds("anything", Origin::Fetched));
    }

    #[test]
    fn a_kit_keeps_it() {
        let kit = tempfile::tempdir().unwrap();
        assert_eq!(Focus::load(kit.path()).unwrap(), Focus::default());
        let focus = Focus::on("b,a");
        focus.save(kit.path()).unwrap();
        assert_eq!(Focus::load(kit.path()).unwrap(), focus);
    }
}
