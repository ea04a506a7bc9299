//! Fast paths that become part of the program's own code.
//!
//! LLVM's pass calls a function of the runtime before each access. A call costs more than what it does: registers that
//! are not kept over calls must be saved, and vector registers with them. LLVM can import functions from other
//! modules, as its ThinLTO does, and the pass that does it can be named in `-C passes` like any other: with a module
//! that defines these functions (`cli/inlined/fast_paths.rs`) as the index of what there is, each module imports the
//! definitions, and the pass after it puts them in the place of the calls. What remains is a few instructions, which
//! call the runtime only if there is something to tell.
//!
//! The module is compiled by the toolchain that will read it, since bitcode is of one LLVM.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cache::Cache;
use crate::error::{Error, Result};
use crate::toolchain::Toolchain;

static SOURCE: &str = include_str!("../inlined/fast_paths.rs");

/// Set to anything, this variable keeps the calls, for programs that are to be linked with another runtime of the same
/// interface.
pub const OFF: &str = "RACECHECK_NO_INLINE";

/// Name of the module's file.
pub const FILE: &str = "fast-paths.bc";

/// The cache's folder of these modules.
pub const FOLDER: &str = "inlined";

/// Where the module for a toolchain is, or will be. `None` if calls are to stay calls.
pub fn locate(toolchain: &Toolchain, cache: &Cache) -> Option<PathBuf> {
    if std::env::var_os(OFF).is_some() {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    (SOURCE, &toolchain.verbose_version).hash(&mut hasher);
    Some(cache.root().join(FOLDER).join(format!("{:016x}", hasher.finish())).join(FILE))
}

/// Makes sure that the module is where it was located.
pub fn ensure(toolchain: &Toolchain, path: &Path) -> Result<()> {
    if path.exists() { Ok(()) } else { compile(toolchain, path) }
}

fn compile(toolchain: &Toolchain, path: &Path) -> Result<()> {
    let parent = path.parent().unwrap_or(path);
    std::fs::create_dir_all(parent).map_err(Error::cache("create", parent))?;
    let folder = tempfile::tempdir_in(parent).map_err(Error::cache("create a folder in", parent))?;
    let (source, made) = (folder.path().join("fast_paths.rs"), folder.path().join(FILE));
    std::fs::write(&source, SOURCE).map_err(Error::cache("write", &source))?;
    let output = Command::new(&toolchain.rustc)
        .args(["--edition=2024", "--cap-lints=allow", "-Copt-level=3", "-Cpanic=abort", "-Ccodegen-units=1"])
        // The form of bitcode in which modules offer functions to each other.
        .args(["-Clinker-plugin-lto", "--emit=obj", "-o"])
        .arg(&made)
        .arg(&source)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::Start {
            program: toolchain.rustc.to_string_lossy().into_owned(),
            source,
            hint: "",
        })?;
    if !output.status.success() {
        return Err(Error::Codegen {
            library: "the inlined fast paths".to_owned(),
            status: output.status,
            message: String::from_utf8_lossy(&output.stderr).into_owned(),
        });
    }
    std::fs::rename(&made, path).map_err(Error::cache("move into place", path))
}

/// The passes with which a module imports the fast paths and puts them in the place of calls.
pub const PASSES: &str = "function-import,always-inline";

/// LLVM's options that go with these passes.
pub fn llvm_options(module: &Path) -> [String; 2] {
    [format!("-summary-file={}", module.display()), "-import-all-index".to_owned()]
}
