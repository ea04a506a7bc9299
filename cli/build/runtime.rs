//! Compiles the runtime to a static library, in a cargo of its own.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, run, variable};
use crate::sources::Sources;

/// The only target that the runtime supports, whatever the CLI is built for.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Builds the static library and returns its path. Its target folder lies in `out_dir`, so that this
/// cargo and the outer one never wait for each other's lock, and unchanged crates are not built again.
pub fn build(sources: &Sources, out_dir: &Path) -> Result<PathBuf, Error> {
    let target_dir = out_dir.join("runtime");
    let mut cargo = Command::new(variable("CARGO")?);
    for (name, _) in std::env::vars_os().filter(|(name, _)| !inner_cargo_keeps(name)) {
        cargo.env_remove(name);
    }
    // Linked into executables only, so thread-locals can be reached without a call. The variable
    // also takes the place of `rustflags` in config files.
    cargo.env("CARGO_ENCODED_RUSTFLAGS", "-Crelocation-model=pie");
    cargo
        .args(["rustc", "--quiet", "--lib", "--release", "--crate-type", "staticlib", "--features", "packed"])
        .args(["--target", TARGET, "--manifest-path"])
        .arg(sources.manifest())
        .arg("--target-dir")
        .arg(&target_dir);
    run(&mut cargo)?;
    Ok(target_dir.join(TARGET).join("release/libracecheck_runtime.a"))
}

/// Whether the inner cargo inherits this variable. Of what the outer cargo, its user's flags and
/// wrappers set, it gets nothing but the way to the registry.
fn inner_cargo_keeps(name: &OsStr) -> bool {
    const WAY_TO_THE_REGISTRY: [&str; 6] =
        ["CARGO_HOME", "CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTR", "CARGO_SOURCE_", "CARGO_UNSTABLE_"];
    const SET_FOR_BUILD_SCRIPTS: [&str; 11] = [
        "TARGET",
        "HOST",
        "OUT_DIR",
        "OPT_LEVEL",
        "DEBUG",
        "PROFILE",
        "NUM_JOBS",
        "MAKEFLAGS",
        "MFLAGS",
        "RUSTC_LINKER",
        "RUSTC",
    ];
    let name = name.to_string_lossy();
    if WAY_TO_THE_REGISTRY.iter().any(|prefix| name.starts_with(prefix)) {
        return true;
    }
    let is_flag_or_wrapper = ["CARGO", "RUSTFLAGS", "RUSTDOC", "RUSTC_"].iter().any(|p| name.starts_with(p));
    !is_flag_or_wrapper && !SET_FOR_BUILD_SCRIPTS.contains(&&*name)
}
