//! The workspace that cargo works on here.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use serde::Deserialize;

use super::line::Line;
use crate::error::{Error, Result};

/// What cargo says about the workspace.
#[derive(Debug, Deserialize)]
pub struct Project {
    /// Its root.
    pub workspace_root: PathBuf,
    /// Where an ordinary build goes.
    pub target_directory: PathBuf,
    build_directory: Option<PathBuf>,
}

/// Cargo found no workspace; it has said why.
#[derive(Clone, Copy, Debug)]
pub struct NoProject {
    /// Cargo's status.
    pub status: ExitStatus,
}

impl Project {
    /// Asks cargo, with those of the user's arguments that matter for the answer.
    pub fn query(line: &Line) -> Result<Result<Self, NoProject>> {
        let mut cargo = Command::new(super::executable());
        cargo.args(["metadata", "--format-version=1", "--no-deps"]);
        for option in ["--manifest-path", "--config", "-Z"] {
            for value in line.values(option) {
                cargo.arg(option).arg(value);
            }
        }
        let output =
            cargo.stderr(std::process::Stdio::inherit()).output().map_err(|source| Error::Start {
                program: cargo.get_program().to_string_lossy().into_owned(),
                source,
                hint: ". Install Rust (https://rustup.rs)",
            })?;
        if !output.status.success() {
            return Ok(Err(NoProject { status: output.status }));
        }
        let project = serde_json::from_slice(&output.stdout).map_err(|_| Error::Answer {
            command: "cargo metadata".to_owned(),
            missing: "the workspace's root and target folder",
        })?;
        Ok(Ok(project))
    }

    /// The folder for intermediate results, if it is not the target folder.
    pub fn own_build_directory(&self) -> Option<&Path> {
        self.build_directory.as_deref().filter(|folder| *folder != self.target_directory)
    }
}
