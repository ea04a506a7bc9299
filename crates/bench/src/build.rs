//! The same programs, three times.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Result, package};

/// The names under which the instrumented standard library calls the runtime.
#[path = "../../../cli/src/instrument/rounds.rs"]
mod rounds;

/// The only target.
pub const TARGET: &str = "x86_64-unknown-linux-gnu";

/// One way of building.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// As cargo does it.
    Native,
    /// LLVM's runtime.
    Stock,
    /// As racecheck does it.
    Racecheck,
}

impl Build {
    /// All of them, in the order of their numbers.
    pub const ALL: [Build; 3] = [Build::Native, Build::Stock, Build::Racecheck];

    /// As it is called in tables.
    pub fn name(self) -> &'static str {
        ["native", "stock", "racecheck"][self as usize]
    }
}

/// With or without optimisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// Cargo's `release`.
    Release,
    /// Cargo's `dev`. racecheck optimises before it instruments, as its option `--opt-first` says.
    Debug,
}

impl Profile {
    /// As it is called in tables.
    pub fn name(self) -> &'static str {
        if self == Profile::Release { "release" } else { "debug" }
    }
}

/// The programs, built.
pub struct Programs {
    folder: PathBuf,
    profile: Profile,
}

impl Programs {
    /// Builds what is not built yet.
    pub fn build(racecheck: &Path, profile: Profile) -> Result<Programs> {
        let programs = Programs { folder: package("programs").join("target"), profile };
        for build in Build::ALL {
            let mut command = match build {
                Build::Racecheck => Command::new(racecheck),
                _ => Command::new("cargo"),
            };
            if build == Build::Racecheck && profile == Profile::Debug {
                command.arg("--opt-first");
            }
            command.args(["build", "--quiet", "--locked", "--target", TARGET]);
            if profile == Profile::Release {
                command.arg("--release");
            }
            command.arg("--manifest-path").arg(package("programs").join("Cargo.toml"));
            command.arg("--target-dir").arg(programs.folder.join(build.name()));
            if build == Build::Stock {
                command.env("CARGO_ENCODED_RUSTFLAGS", stock_flags(racecheck)?.join("\x1f"));
            }
            if !command.status()?.success() {
                return Err(format!("the programs could not be built: {}", build.name()).into());
            }
        }
        Ok(programs)
    }

    /// The executable of a build.
    pub fn executable(&self, build: Build) -> PathBuf {
        let folder = self.folder.join(build.name()).join(TARGET);
        folder.join(self.profile.name()).join("programs")
    }

    /// How they were built.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// What sort of work each does, and its name.
    pub fn list(&self) -> Result<Vec<(String, String)>> {
        let listed = output(&mut Command::new(self.executable(Build::Native)))?;
        let lines = listed.lines().filter_map(|line| line.split_once(' '));
        Ok(lines.map(|(sort, name)| (sort.to_owned(), name.to_owned())).collect())
    }
}

/// What makes rustc instrument with the same passes and link LLVM's runtime.
fn stock_flags(racecheck: &Path) -> Result<Vec<String>> {
    // The standard library that racecheck instruments, without inlined fast paths. Where it is not there yet, the
    // probes of the first `doctor` make it, and the second one names it.
    let named = |_| -> Result<Option<String>> {
        let checked = output(Command::new(racecheck).arg("doctor").env("RACECHECK_NO_INLINE", "1"))?;
        let mut places = checked.lines().filter_map(|line| line.split_once("instrumented, in "));
        Ok(places.next().map(|(_, path)| path.to_owned()))
    };
    let sysroot = (0..2).map(named).collect::<Result<Vec<_>>>()?.into_iter().flatten().next();
    let sysroot = sysroot.ok_or("`racecheck doctor` names no instrumented standard library")?;
    let own = output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let runtime = format!("{own}/lib/rustlib/{TARGET}/lib/librustc-stable_rt.tsan.a");
    let mut flags = vec![
        format!("--sysroot={sysroot}"),
        "-Cpasses=forceattrs,function(dce),tsan-module,function(tsan)".to_owned(),
        "-Cllvm-args=-force-attribute=sanitize_thread".to_owned(),
        "-Clto=off".to_owned(),
        "-Clink-arg=-Wl,--whole-archive".to_owned(),
        format!("-Clink-arg={runtime}"),
        "-Clink-arg=-Wl,--no-whole-archive".to_owned(),
        "-Clink-args=-lm -lpthread -ldl -lrt -Wl,--export-dynamic".to_owned(),
    ];
    flags.extend(rounds::REPEATED.map(|function| {
        let (name, alias) = (rounds::name_by_pass(function), rounds::name_of_first(function));
        format!("-Clink-arg=-Wl,--defsym={alias}={name}")
    }));
    Ok(flags)
}

/// What a program prints, without white space around it.
pub fn output(command: &mut Command) -> Result<String> {
    Ok(String::from_utf8(command.output()?.stdout)?.trim().to_owned())
}
