//! A program, compiled with the detector inside, and its runs.

use std::collections::HashMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{self, Ran};
use crate::program::Program;

/// A program that runs longer than this is killed, and has failed.
const LIMIT: Duration = Duration::from_secs(60);
const SLOW_LIMIT: Duration = Duration::from_secs(600);

/// How a program is compiled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Configuration {
    opt_level: u8,
    panic: Panic,
    lto: Lto,
    order: Order,
}

/// Whether a debug build is instrumented as it is, or after it was optimised (`--opt-first`).
#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    AsItIs,
    OptimisedFirst,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Panic {
    Unwind,
    Abort,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Lto {
    Off,
    Fat,
}

/// Which configurations are tried, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matrix {
    Usual,
    Full,
}

impl Matrix {
    pub fn runs(self) -> u32 {
        match self {
            Matrix::Usual => 1,
            Matrix::Full => 50,
        }
    }

    pub fn configurations(self) -> Vec<Configuration> {
        let plain = |opt_level| Configuration {
            opt_level,
            panic: Panic::Unwind,
            lto: Lto::Off,
            order: Order::AsItIs,
        };
        let optimised_first = Configuration { order: Order::OptimisedFirst, ..plain(0) };
        match self {
            Matrix::Usual => vec![plain(0), plain(2)],
            Matrix::Full => [0, 2, 3]
                .into_iter()
                .flat_map(|opt_level| {
                    [Panic::Unwind, Panic::Abort].into_iter().flat_map(move |panic| {
                        [Lto::Off, Lto::Fat].map(|lto| Configuration { panic, lto, ..plain(opt_level) })
                    })
                })
                .chain([optimised_first])
                .collect(),
        }
    }
}

impl Configuration {
    /// Whether the program can do its work if it is compiled like this.
    pub fn suits(self, program: &Program) -> bool {
        self.panic == Panic::Unwind || !program.needs_unwinding
    }

    /// Whether the whole report is compared: inlined frames depend on the optimiser.
    pub fn has_golden(self) -> bool {
        self.opt_level == 0
            && self.panic == Panic::Unwind
            && self.lto == Lto::Off
            && self.order == Order::AsItIs
    }

    /// Options of racecheck itself.
    fn own_options(self) -> &'static [&'static str] {
        match self.order {
            Order::AsItIs => &[],
            Order::OptimisedFirst => &["--opt-first"],
        }
    }

    fn options(self) -> Vec<String> {
        let mut options = vec![format!("-Copt-level={}", self.opt_level)];
        if self.panic == Panic::Abort {
            options.push("-Cpanic=abort".into());
        }
        if self.lto == Lto::Fat {
            options.push("-Clto=fat".into());
        }
        options
    }
}

impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "O{}", self.opt_level)?;
        if self.panic == Panic::Abort {
            f.write_str(" abort")?;
        }
        if self.lto == Lto::Fat {
            f.write_str(" lto")?;
        }
        if self.order == Order::OptimisedFirst {
            f.write_str(" opt-first")?;
        }
        Ok(())
    }
}

/// A compiled program in a folder of its own, with its libraries beside it.
pub struct Built {
    root: PathBuf,
    folder: TempDir,
    limit: Duration,
}

impl Built {
    pub fn new(program: &Program, configuration: Configuration) -> Result<Self, String> {
        let folder = TempDir::new().map_err(|error| format!("no folder for the program: {error}"))?;
        let limit = if program.is_slow { SLOW_LIMIT } else { LIMIT };
        let built = Built { root: program.root.clone(), folder, limit };
        for library in &program.libraries {
            let name = library.file_stem().unwrap().to_string_lossy();
            let output = built.folder().join(format!("lib{name}.so"));
            built.compile(program, library, configuration, &["--crate-type=cdylib"], &output)?;
        }
        built.compile(program, &program.source(), configuration, &[], &built.program())?;
        Ok(built)
    }

    pub fn run(&self) -> Result<Ran, String> {
        let mut command = racecheck();
        command.arg("run").arg(self.program()).current_dir(&self.root);
        // Sources are named as they lie in the folder of all programs.
        command.env("RACECHECK_OPTIONS", format!("strip_path_prefix={}/", self.root.display()));
        process::run(command, self.limit)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// All that was compiled, by name.
    fn contents(&self) -> Result<Contents, String> {
        let failed = |error: std::io::Error| format!("{} cannot be read: {error}", self.folder().display());
        let mut contents = Contents::new();
        for entry in fs::read_dir(self.folder()).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            contents.push((entry.file_name(), fs::read(entry.path()).map_err(failed)?));
        }
        contents.sort();
        Ok(contents)
    }

    fn program(&self) -> PathBuf {
        self.folder().join("program")
    }

    fn compile(
        &self,
        program: &Program,
        source: &Path,
        configuration: Configuration,
        options: &[&str],
        output: &Path,
    ) -> Result<(), String> {
        let mut command = racecheck();
        command.args(configuration.own_options());
        command.args(["rustc", "--edition=2024", "-g"]).args(configuration.options()).args(&program.flags);
        command.args(options).arg("-o").arg(output).arg(source).current_dir(&program.root);
        let ran = process::run(command, LIMIT)?;
        match ran.status {
            0 => Ok(()),
            _ => Err(format!("{} does not compile\n{ran}", source.display())),
        }
    }
}

type Contents = Vec<(OsString, Vec<u8>)>;

/// What a program was compiled to so far. Many configurations come to the same: racecheck builds without LTO
/// whatever was asked for, and small programs are optimised alike at opt-levels 2 and 3.
#[derive(Default)]
pub struct Tried(Mutex<HashMap<Contents, Configuration>>);

impl Tried {
    /// The configuration that gave the very same files before this one, if there is one.
    pub fn before(
        &self,
        built: &Built,
        configuration: Configuration,
    ) -> Result<Option<Configuration>, String> {
        let contents = built.contents()?;
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = *tried.entry(contents).or_insert(configuration);
        Ok((first != configuration).then_some(first))
    }
}

/// racecheck, without what the user, or the cargo that runs these tests, has set.
fn racecheck() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_racecheck"));
    for (name, _) in env::vars_os().filter(|(name, _)| is_setting(name)) {
        command.env_remove(name);
    }
    command.env("NO_COLOR", "1");
    command.env("RACECHECK_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("racecheck-cache"));
    command
}

fn is_setting(name: &OsStr) -> bool {
    const SETTINGS: [&str; 4] = ["CARGO", "RACECHECK", "RUSTFLAGS", "RUST_"];
    let name = name.to_string_lossy();
    SETTINGS.iter().any(|prefix| name.starts_with(prefix))
}
