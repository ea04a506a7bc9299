//! The binary tools of the toolchain that builds this crate.
//!
//! GNU's tools are no alternative: they load a plugin for the bitcode in std's objects and trip over
//! its version. rust-lld and rust-objcopy belong to the compiler that wrote it.

use std::path::PathBuf;
use std::process::Command;

use crate::error::{Error, variable};

pub struct Toolchain {
    sysroot: PathBuf,
    tools: PathBuf,
}

impl Toolchain {
    pub fn of_this_build() -> Result<Self, Error> {
        let mut rustc = Command::new(variable("RUSTC")?);
        rustc.args(["--print", "sysroot"]);
        let command = "rustc --print sysroot".to_owned();
        let output = rustc.output().map_err(|source| Error::Start { command: command.clone(), source })?;
        if !output.status.success() {
            return Err(Error::Failed { command, status: output.status });
        }
        let sysroot = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        let host = variable("HOST")?;
        let tools = sysroot.join("lib/rustlib").join(host).join("bin");
        Ok(Toolchain { sysroot, tools })
    }

    /// A command that runs one of the toolchain's tools.
    pub fn tool(&self, tool: &'static str) -> Result<Command, Error> {
        let path = self.tools.join(tool);
        if !path.is_file() {
            return Err(Error::NoTool { tool, path });
        }
        let mut command = Command::new(path);
        // rust-objcopy finds its libLLVM nowhere else.
        command.env("LD_LIBRARY_PATH", self.sysroot.join("lib"));
        Ok(command)
    }
}
