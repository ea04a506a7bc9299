//! The toolchain that compiles the program under test: which rustc, and what belongs to it.
//!
//! It is found as cargo finds it (`RUSTC`, `build.rustc` in a config file, `rustc` in `PATH`, which
//! may be rustup's proxy that honours `RUSTUP_TOOLCHAIN` and `rust-toolchain.toml`), so that the
//! standard library that gets instrumented is the one that the program is compiled against.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};

/// The one target whose programs can be checked.
pub const TARGET: &str = "x86_64-unknown-linux-gnu";

/// A rustc and what it said about itself.
#[derive(Debug)]
pub struct Toolchain {
    /// The compiler, as it is to be called.
    pub rustc: OsString,
    /// Root of its installation.
    pub sysroot: PathBuf,
    /// The whole answer to `rustc -vV`.
    pub verbose_version: String,
}

impl Toolchain {
    /// Asks `rustc` who it is.
    pub fn query(rustc: OsString) -> Result<Self> {
        let verbose_version = ask(&rustc, &["-vV"])?;
        let sysroot = PathBuf::from(ask(&rustc, &["--print", "sysroot"])?.trim());
        let toolchain = Toolchain { rustc, sysroot, verbose_version };
        let host = toolchain
            .field("host")
            .ok_or_else(|| Error::Answer { command: "rustc -vV".to_owned(), missing: "a host" })?;
        if host != TARGET {
            return Err(Error::Target { target: host.to_owned(), why: " (the host of this rustc)" });
        }
        Ok(toolchain)
    }

    /// A line of `rustc -vV` by its name.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.verbose_version.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The release, such as `1.95.0`.
    pub fn release(&self) -> &str {
        self.field("release").unwrap_or("unknown")
    }

    /// Whether the same commit may stand for different builds: one that people make themselves.
    pub fn is_custom_build(&self) -> bool {
        matches!(self.field("commit-hash"), None | Some("unknown")) || self.release().ends_with("-dev")
    }

    /// The folder of the target's libraries.
    pub fn libraries(&self) -> PathBuf {
        self.target_folder().join("lib")
    }

    /// The folder in the installation that belongs to the target.
    pub fn target_folder(&self) -> PathBuf {
        self.sysroot.join("lib/rustlib").join(TARGET)
    }

    /// The linker that belongs to the compiler and reads its bitcode.
    pub fn rust_lld(&self) -> Result<PathBuf> {
        let path = self.target_folder().join("bin/rust-lld");
        match path.is_file() {
            true => Ok(path),
            false => Err(Error::NoTool { sysroot: self.sysroot.clone(), part: "rust-lld", path }),
        }
    }

    /// A command for one of the toolchain's own tools, which find `libLLVM` only when told.
    pub fn tool(&self, path: &Path) -> Command {
        let mut command = Command::new(path);
        command.env("LD_LIBRARY_PATH", self.sysroot.join("lib"));
        command
    }
}

fn ask(rustc: &OsString, question: &[&str]) -> Result<String> {
    let command = || format!("{} {}", rustc.to_string_lossy(), question.join(" "));
    let output = Command::new(rustc).args(question).output().map_err(|source| Error::Start {
        program: rustc.to_string_lossy().into_owned(),
        source,
        hint: ". Install Rust (https://rustup.rs), or set RUSTC",
    })?;
    if !output.status.success() {
        return Err(Error::Query {
            command: command(),
            status: output.status,
            message: String::from_utf8_lossy(&output.stderr).into_owned(),
        });
    }
    String::from_utf8(output.stdout).map_err(|_| Error::Answer { command: command(), missing: "UTF-8" })
}
