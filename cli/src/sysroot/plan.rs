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
const LEFT_ALONE: [&str; 9] = [
    // Holds memcpy and its kin, which the runtime itself stands on, and intrinsics without memory.
    "compiler_builtins",
    // The counters of `-C instrument-coverage`: racy on purpose, and never read by the program.
    "profiler_builtins",
    // Runs inside the compiler only.
    "proc_macro",
    "rustc_literal_escaper",
    // No code at all.
    "cfg_if",
    "libc",
    "rustc_std_workspace_alloc",
    "rustc_std_workspace_core",
    "rustc_std_workspace_std",
];

/// What std prints backtraces with: under std's backtrace lock, on memory of its own, and ten times the work of
/// everything else in a program that panics. Their own code stays as it is. But they hold code of core and alloc,
/// too, which debug builds of other crates call instead of making it once more.
const BACKTRACES: [&str; 7] =
    ["addr2line", "adler2", "gimli", "memchr", "miniz_oxide", "object", "rustc_demangle"];

/// How much of a library is instrumented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// Other libraries' generic code that is in it. Any crate may call that.
    Shared,
}

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
    /// How much of it is instrumented.
    pub extent: Extent,
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
            let extent = if BACKTRACES.contains(&name) { Extent::Shared } else { Extent::Whole };
            libraries.push(Library { name: name.to_owned(), file_name, size, required, extent });
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

/// True if a function (its mangled name) is about a type or a function of the libraries that print backtraces.
pub(super) fn is_for_backtraces(function: &str) -> bool {
    // With the crates' disambiguators, which tell core's module `memchr` from the crate; the older way of mangling has
    // none, and there a path begins with the crate or behind a sign.
    let name = format!("{}", rustc_demangle::demangle(function));
    BACKTRACES.iter().any(|own| {
        name.match_indices(own).any(|(at, _)| {
            let is_first = !name[..at].ends_with(|c: char| c == ':' || c == '_' || c.is_alphanumeric());
            let rest = &name[at + own.len()..];
            is_first && (rest.starts_with('[') || rest.starts_with("::"))
        })
    })
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
    fn generic_code_of_core_and_alloc_is_told_from_their_own() {
        let own = [
            "_RNvMs3_NtCsduwmD7cSIQq_5gimli4archNtB5_3Arm13register_name",
            "_RNvMs3_NtCslNYArtu3iFV_5alloc7raw_vecINtB5_6RawVecNtNtNtCsduwmD7cSIQq_5gimli4read6abbrev12AbbreviationE8grow_oneBS_",
            "_ZN5gimli4arch3Arm13register_name17h0123456789abcdefE",
        ];
        let shared = [
            "_RNvMs4_NtCslNYArtu3iFV_5alloc7raw_vecNtB5_11RawVecInner14grow_amortizedCsduwmD7cSIQq_5gimli",
            "_RNvNtNtCsgEmfK2I1SDS_4core5slice6memchr19memchr_general_case",
            "_ZN5alloc7raw_vec11RawVecInner14grow_amortized17h0123456789abcdefE",
        ];
        assert!(own.iter().all(|name| is_for_backtraces(name)));
        assert!(!shared.iter().any(|name| is_for_backtraces(name)));
    }

    #[test]
    fn names_of_rlibs_are_recognised() {
        assert_eq!(crate_name("libstd-d1237ef7159db0a2.rlib"), Some("std"));
        assert_eq!(crate_name("libmy-std-d1237ef7159db0a2.rlib"), Some("my-std"));
        assert_eq!(crate_name("libstd-d1237ef7159db0a2.so"), None);
        assert_eq!(crate_name("libstd-d1237ef7159db0a2.rmeta"), None);
        assert_eq!(crate_name("librustc-stable_rt.tsan.a"), None);
    }
}
