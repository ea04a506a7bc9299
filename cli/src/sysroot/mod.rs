//! The instrumented sysroot: a copy of the toolchain's in which the standard library calls the runtime.
//!
//! The standard library that rustup ships is not instrumented, so its atomics and locks would be
//! invisible and everything ordered by them a false report. Its `.rlib` files, however, carry LLVM
//! bitcode beside the machine code, and the toolchain's own `rust-lld` compiles bitcode with any pass
//! pipeline. So the copy consists of links into the toolchain, except for the libraries of
//! the plan, whose object code is made anew; metadata stays as it is, and rustc takes the copy
//! for the sysroot that it was built with (`--sysroot`, a stable option).
//!
//! Sysroots live in the cache under a key of everything that they depend on. They are made in a
//! temporary folder under a lock and renamed into place; a manifest lists every file with its size, so
//! that one that was damaged later is recognised and made again.
//!
//! Never: downloads, writes into the toolchain, or takes a sysroot of another toolchain.

mod compile;
mod harness;
mod library;
mod manifest;
mod plan;
mod shared;

use std::collections::BTreeSet;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::toolchain::{TARGET, Toolchain};
use crate::{inlined, instrument};
use manifest::Manifest;
use plan::Plan;

pub use harness::dependencies;
pub use shared::find as shared_std;

/// Name of the cache's folder that holds all sysroots.
const FOLDER: &str = "sysroots";

/// State of a sysroot in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Complete.
    Ready,
    /// Not made yet.
    Absent,
    /// Damaged: it will be made again.
    Broken,
}

/// A sysroot that is, or will be, in the cache.
#[derive(Debug)]
pub struct Sysroot<'a> {
    toolchain: &'a Toolchain,
    cache: &'a Cache,
    /// The module of fast paths to inline, if there is one.
    fast_paths: Option<PathBuf>,
    /// Plain accesses are looked at.
    in_focus: bool,
    name: String,
}

impl<'a> Sysroot<'a> {
    /// The sysroot that belongs to a toolchain. Does not make it.
    pub fn of(
        toolchain: &'a Toolchain,
        cache: &'a Cache,
        fast_paths: Option<PathBuf>,
        in_focus: bool,
    ) -> Result<Self> {
        let key = key(toolchain, fast_paths.as_deref(), in_focus)?;
        let name = format!("{}-{TARGET}-{key:016x}", toolchain.release());
        Ok(Sysroot { toolchain, cache, fast_paths, in_focus, name })
    }

    /// Where it is, or will be.
    pub fn path(&self) -> PathBuf {
        self.cache.root().join(FOLDER).join(&self.name)
    }

    /// Whether it is there and whole.
    pub fn state(&self) -> State {
        match Manifest::load(&self.path()) {
            Some(manifest) if manifest.holds(&self.path()) => State::Ready,
            None if !self.path().exists() => State::Absent,
            _ => State::Broken,
        }
    }

    /// Makes sure that it is there and whole, and returns its path.
    pub fn ensure(&self, progress: &Progress) -> Result<PathBuf> {
        if self.state() == State::Ready {
            return Ok(self.path());
        }
        let _lock = self.cache.lock(&format!("{}.lock", self.name), || {
            progress.say("Waiting", "for another racecheck that makes the instrumented standard library");
        })?;
        // Another racecheck may have made it while this one waited.
        match self.state() {
            State::Ready => return Ok(self.path()),
            State::Absent => {}
            State::Broken => progress.say("Repairing", "the instrumented standard library (it was damaged)"),
        }
        self.make(progress)?;
        Ok(self.path())
    }

    /// Makes it. The caller holds the lock.
    fn make(&self, progress: &Progress) -> Result<()> {
        let begin = Instant::now();
        let parent = self.cache.folder(FOLDER)?;
        let plan = Plan::read(self.toolchain)?;
        let new = tempfile::Builder::new()
            .prefix(".new-")
            .tempdir_in(&parent)
            .map_err(Error::cache("create a folder in", &parent))?;
        link_toolchain(self.toolchain, new.path())?;
        link_libraries(&plan, &libraries_in(new.path()))?;
        let compiler = compile::Compiler::new(self.toolchain, self.fast_paths.as_deref(), self.in_focus)?;
        check_bitcode(self.toolchain)?;
        if let Some(fast_paths) = &self.fast_paths {
            inlined::ensure(self.toolchain, fast_paths)?;
        }
        compile::instrument_all(&compiler, &plan, &libraries_in(new.path()), progress)?;
        shared::make(self.toolchain, &plan, new.path())?;
        harness::extend(self.toolchain, new.path(), progress)?;
        Manifest::of(new.path())?.save(new.path())?;

        self.remove_broken(new.path())?;
        let path = self.path();
        fs::rename(new.keep(), &path).map_err(Error::cache("move into place", &path))?;
        progress.say(
            "Prepared",
            &format!(
                "the standard library of Rust {} in {:.1} s (once for each toolchain)",
                self.toolchain.release(),
                begin.elapsed().as_secs_f64()
            ),
        );
        Ok(())
    }

    /// Takes away what has this sysroot's name. It goes by way of a temporary folder, so that no half
    /// of it can be seen under that name.
    fn remove_broken(&self, temporary: &Path) -> Result<()> {
        let aside = temporary.join("broken");
        match fs::rename(self.path(), &aside) {
            Ok(()) => fs::remove_dir_all(&aside).map_err(Error::cache("remove", &aside)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(Error::cache("move aside", self.path())(error)),
        }
    }
}

/// What the toolchain's standard library refers to without holding it, by the linker's names, as far as `is` wants it.
pub fn references(toolchain: &Toolchain, is: impl Fn(&str) -> bool) -> Result<Vec<String>> {
    let plan = Plan::read(toolchain)?;
    let mut names = BTreeSet::new();
    for std in plan.libraries.iter().filter(|library| library.name == "std") {
        for member in library::read(&plan.folder.join(&std.file_name))? {
            names.extend(library::references(&member.data, &is));
        }
    }
    Ok(names.into_iter().collect())
}

/// Checks that the toolchain's standard library carries what the instrumented copy is made from.
pub fn check_bitcode(toolchain: &Toolchain) -> Result<()> {
    let plan = Plan::read(toolchain)?;
    for library in plan.libraries.iter().filter(|library| library.required) {
        let path = plan.folder.join(&library.file_name);
        if library::read(&path)?.iter().all(|member| member.bitcode.is_none()) {
            return Err(Error::NoBitcode { library: path });
        }
    }
    Ok(())
}

/// Where a sysroot has the target's libraries.
fn libraries_in(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib").join(TARGET).join("lib")
}

/// Everything that an instrumented sysroot depends on.
fn key(toolchain: &Toolchain, fast_paths: Option<&Path>, in_focus: bool) -> Result<u64> {
    let mut hasher = DefaultHasher::new();
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    instrument::REVISION.hash(&mut hasher);
    instrument::PASSES.hash(&mut hasher);
    // Its path names its content.
    fast_paths.hash(&mut hasher);
    in_focus.hash(&mut hasher);
    instrument::renames().hash(&mut hasher);
    compile::OPTIMISATION.hash(&mut hasher);
    harness::SOURCE.hash(&mut hasher);
    toolchain.verbose_version.hash(&mut hasher);
    // The copy consists of links into this very folder.
    toolchain.sysroot.hash(&mut hasher);
    let folder = toolchain.libraries();
    let entries = fs::read_dir(&folder).map_err(|_| Error::NoLibrary {
        sysroot: toolchain.sysroot.clone(),
        library: "standard library",
        target: TARGET.to_owned(),
    })?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::file("read", &folder))?;
        let status = entry.metadata().map_err(Error::file("read", entry.path()))?;
        // A release is what its commit says wherever and whenever it was unpacked; caches in CI live
        // from that. A toolchain of one's own may be built again without a new commit.
        let modified = toolchain.is_custom_build().then(|| (status.mtime(), status.mtime_nsec()));
        files.push((entry.file_name(), status.len(), modified));
    }
    files.sort();
    files.hash(&mut hasher);
    Ok(hasher.finish())
}

/// Links what rustc looks for in a sysroot, but for the target's libraries. The compiler itself is no
/// part of that: it finds its own parts beside its executable.
fn link_toolchain(toolchain: &Toolchain, new: &Path) -> Result<()> {
    let rustlib = PathBuf::from("lib/rustlib");
    for (folder, except) in [(&rustlib, TARGET), (&rustlib.join(TARGET), "lib")] {
        link_entries(&toolchain.sysroot.join(folder), &new.join(folder), |name| name != except)?;
    }
    Ok(())
}

/// Links the target's libraries but those that the plan makes anew, and the shared standard library:
/// that is not instrumented, so nothing may be linked against it (see [`shared`]).
fn link_libraries(plan: &Plan, new: &Path) -> Result<()> {
    link_entries(&plan.folder, new, |name| {
        let is_made = plan.libraries.iter().any(|library| library.file_name == name);
        !is_made && !name.ends_with(".so")
    })
}

fn link_entries(from: &Path, to: &Path, wanted: impl Fn(&str) -> bool) -> Result<()> {
    fs::create_dir_all(to).map_err(Error::cache("create", to))?;
    for entry in fs::read_dir(from).map_err(Error::file("read", from))? {
        let entry = entry.map_err(Error::file("read", from))?;
        if entry.file_name().to_str().is_none_or(&wanted) {
            let link = to.join(entry.file_name());
            symlink(entry.path(), &link).map_err(Error::cache("create", &link))?;
        }
    }
    Ok(())
}
