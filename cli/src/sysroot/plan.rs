//! Which of the toolchain's libraries are instrumented.
//!
//! The rule is "all, but": a library that a later toolchain adds is instrumented unless it is known
//! that it must not be.

use std::fs;
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::toolchain::{TARGET, Toolchain};

/// Libraries without which programs would give false reports.
const REQUIRED: [&str; 3] = ["core", "alloc", "std"];

/// Libraries that stay as they are.
const LEFT_ALONE: [&str; 16] = [
    // Holds memcpy and its kin, which the runtime itself stands on, and intrinsics without memory.
    "compiler_builtins",
    // The counters of `-C instrument-coverage`: racy on purpose, and never read by the program.
    "profiler_builtins",
    // Runs inside the compiler only.
    "proc_macro",
    "rustc_literal_escaper",
    // What std prints backtraces with: under std's backtrace lock, on memory of its own, and ten times
    // the work of everything else in a program that panics.
    "addr2line",
    "adler2",
    "gimli",
    "memchr",
    "miniz_oxide",
    "object",
    "rustc_demangle",
    // No code at all.
    "cfg_if",
    "libc",
    "rustc_std_workspace_alloc",
    "rustc_std_workspace_core",
    "rustc_std_workspace_std",
];

/// A library to be made anew.
#[derive(Debug, PartialEq, Eq)]
pub struct Library {
    /// The crate's name.
    pub name: String,
    /// The file's name in the libraries' folder.
    pub file_name: String,
    /// Size of the file, a measure of the work.
    pub size: u64,
    /// Whether the sysroot is of no use without it.
    pub required: bool,
}

/// What to make.
#[derive(Debug)]
pub struct Plan {
    /// The toolchain's folder of libraries.
    pub folder: PathBuf,
    /// The libraries, the largest first, which keeps all processors busy to the end.
    pub libraries: Vec<Library>,
}

impl Plan {
    /// Looks at what the toolchain has.
    pub fn read(toolchain: &Toolchain) -> Result<Self> {
        let folder = toolchain.libraries();
        let mut libraries = Vec::new();
        for entry in fs::read_dir(&folder).map_err(Error::file("read", &folder))? {
            let entry = entry.map_err(Error::file("read", &folder))?;
            let Some(file_name) = entry.file_name().to_str().map(str::to_owned) else { continue };
            let Some(name) = crate_name(&file_name) else { continue };
            if LEFT_ALONE.contains(&name) {
                continue;
            }
            let size = entry.metadata().map_err(Error::file("read", entry.path()))?.len();
            let required = REQUIRED.contains(&name);
            libraries.push(Library { name: name.to_owned(), file_name, size, required });
        }
        for library in REQUIRED {
            if !libraries.iter().any(|found| found.name == library) {
                return Err(Error::NoLibrary {
                    sysroot: toolchain.sysroot.clone(),
                    library,
                    target: TARGET.to_owned(),
                });
            }
        }
        libraries.sort_by(|a, b| b.size.cmp(&a.size).then_with(|| a.name.cmp(&b.name)));
        Ok(Plan { folder, libraries })
    }
}

/// The crate's name in `libNAME-HASH.rlib`.
pub(super) fn crate_name(file_name: &str) -> Option<&str> {
    let stem = file_name.strip_prefix("lib")?.strip_suffix(".rlib")?;
    stem.rsplit_once('-').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_rlibs_are_recognised() {
        assert_eq!(crate_name("libstd-d1237ef7159db0a2.rlib"), Some("std"));
        assert_eq!(crate_name("libmy-std-d1237ef7159db0a2.rlib"), Some("my-std"));
        assert_eq!(crate_name("libstd-d1237ef7159db0a2.so"), None);
        assert_eq!(crate_name("libstd-d1237ef7159db0a2.rmeta"), None);
        assert_eq!(crate_name("librustc-stable_rt.tsan.a"), None);
    }
}
