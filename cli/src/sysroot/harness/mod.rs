//! The test harness of the instrumented sysroot: libtest with a last question after each test.
//!
//! `test.rs` beside this file is compiled once for each toolchain and takes libtest's place; libtest itself moves
//! to a folder in which rustc looks for dependencies only. The `test` crate is unstable, so that this compilation,
//! of code that belongs to this very toolchain, allows itself what std's own does (`RUSTC_BOOTSTRAP`). Nothing of
//! that reaches the user's crates.
//!
//! Never: fails. Without the extended harness races in tests are still reported, and the process that ran them
//! still ends with a status of its own.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::toolchain::{TARGET, Toolchain};

pub(super) const SOURCE: &str = include_str!("test.rs");

/// Where libtest itself goes, in the target's folder of the sysroot.
const FOLDER: &str = "harness";

/// Beginning of the names of libtest's files.
const LIBTEST: &str = "libtest-";

/// The folder of dependencies that go with this sysroot, if it has one.
pub fn dependencies(sysroot: &Path) -> Option<PathBuf> {
    let folder = target_folder(sysroot).join(FOLDER);
    folder.is_dir().then_some(folder)
}

/// Puts the extended harness into a sysroot that is being made.
pub fn extend(toolchain: &Toolchain, sysroot: &Path, progress: &Progress) -> Result<()> {
    let work = tempfile::tempdir().map_err(Error::file("create a folder in", std::env::temp_dir()))?;
    let Some(library) = compile(toolchain, sysroot, work.path())? else {
        progress.say(
            "Warning",
            "libtest of this toolchain could not be extended: tests that race are reported, but not marked as failed",
        );
        return Ok(());
    };
    let libraries = super::libraries_in(sysroot);
    let aside = target_folder(sysroot).join(FOLDER);
    fs::create_dir(&aside).map_err(Error::cache("create", &aside))?;
    for entry in fs::read_dir(&libraries).map_err(Error::cache("read", &libraries))? {
        let entry = entry.map_err(Error::cache("read", &libraries))?;
        if entry.file_name().to_str().is_some_and(|name| name.starts_with(LIBTEST)) {
            let to = aside.join(entry.file_name());
            fs::rename(entry.path(), &to).map_err(Error::cache("move to", &to))?;
        }
    }
    let to = libraries.join(library.file_name().unwrap_or_default());
    fs::copy(&library, &to).map(drop).map_err(Error::cache("write", &to))
}

/// Compiles the harness in the folder `work`; `None` if this toolchain's libtest is another one than it expects.
fn compile(toolchain: &Toolchain, sysroot: &Path, work: &Path) -> Result<Option<PathBuf>> {
    let source = work.join("test.rs");
    fs::write(&source, SOURCE).map_err(Error::file("write", &source))?;
    let library = work.join(format!("{LIBTEST}racecheck.rlib"));
    let output = std::process::Command::new(&toolchain.rustc)
        .args(["--edition=2024", "--crate-name=test", "--crate-type=rlib", "--target", TARGET])
        .args(["-Copt-level=2", "-Cmetadata=racecheck", "--cap-lints=allow"])
        // So that its frames are taken for the standard library's.
        .arg(format!("--remap-path-prefix={}=/rustc/racecheck/library/test", work.display()))
        .arg("--sysroot")
        .arg(sysroot)
        .arg("-o")
        .arg(&library)
        .arg(&source)
        .env("RUSTC_BOOTSTRAP", "1")
        .output()
        .map_err(|source| Error::Start {
            program: toolchain.rustc.to_string_lossy().into_owned(),
            source,
            hint: "",
        })?;
    Ok(output.status.success().then_some(library))
}

fn target_folder(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib").join(TARGET)
}
