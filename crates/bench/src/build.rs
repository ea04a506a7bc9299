//! The same programs, in several ways.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::measure::Invocation;
use crate::{Result, package};

/// The names under which the instrumented standard library calls the runtime.
#[path = "../../../cli/src/instrument/rounds.rs"]
mod rounds;

/// The only target.
pub const TARGET: &str = "x86_64-unknown-linux-gnu";

/// The crate of `programs` without any work in it: all that takes time is in its library and what that depends on.
const FOCUS: &str = "programs";

/// A published crate whose own tests are one of the programs. `programs` depends on it, it needs nothing else for its
/// tests, and they do the same in each run.
const SUITE: &str = "regex-syntax";

/// As what the tests are listed.
const SUITE_NAME: &str = "regex_syntax_tests";

/// One way of building, or of running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Build {
    /// As cargo does it.
    Native,
    /// LLVM's runtime.
    Stock,
    /// As racecheck does it.
    Racecheck,
    /// As racecheck does it where what takes time is not in focus.
    Focused,
    /// As racecheck does it, with calls in the place of inlined fast paths.
    Called,
    /// The native program under valgrind's Helgrind.
    Helgrind,
}

impl Build {
    /// As it is called in tables, and its folder.
    pub fn name(self) -> &'static str {
        match self {
            Build::Native => "native",
            Build::Stock => "stock",
            Build::Racecheck => "racecheck",
            Build::Focused => "focused",
            Build::Called => "called",
            Build::Helgrind => "helgrind",
        }
    }

    /// The way of building that belongs to a way of running.
    fn built(self) -> Build {
        if self == Build::Helgrind { Build::Native } else { self }
    }

    /// Cargo, or racecheck in its place, to which the command is still to be told.
    fn cargo(self, racecheck: &Path, profile: Profile) -> Result<Command> {
        if matches!(self.built(), Build::Native | Build::Stock) {
            let mut cargo = Command::new("cargo");
            if self == Build::Stock {
                cargo.env("CARGO_ENCODED_RUSTFLAGS", stock_flags(racecheck)?.join("\x1f"));
            }
            return Ok(cargo);
        }
        let mut cargo = Command::new(racecheck);
        if profile == Profile::Debug {
            cargo.arg("--opt-first");
        }
        match self {
            Build::Focused => cargo.args(["--focus", FOCUS]),
            Build::Called => cargo.env("RACECHECK_NO_INLINE", "1"),
            _ => &mut cargo,
        };
        Ok(cargo)
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

/// What sort of work a program does, and what it is called.
#[derive(Clone, Debug)]
pub struct Program {
    /// `plain` or `synchronising`.
    pub sort: String,
    /// Its name.
    pub name: String,
}

/// The programs, built.
pub struct Programs {
    folder: PathBuf,
    profile: Profile,
    suites: HashMap<Build, PathBuf>,
}

impl Programs {
    /// Builds what is not built yet.
    pub fn build(racecheck: &Path, profile: Profile, builds: &[Build]) -> Result<Programs> {
        let folder = package("programs").join("target");
        let mut programs = Programs { folder, profile, suites: HashMap::new() };
        for &build in builds {
            let folder = programs.folder.join(build.built().name());
            if !Self::command(racecheck, profile, build, "build", &folder)?.status()?.success() {
                return Err(format!("the programs could not be built: {}", build.name()).into());
            }
            let mut tests = Self::command(racecheck, profile, build, "test", &folder)?;
            tests.args(["--package", SUITE, "--lib", "--no-run", "--message-format=json"]);
            let suite = executable(&output(&mut tests)?);
            programs.suites.insert(build, suite.ok_or_else(|| format!("cargo built no tests of {SUITE}"))?);
        }
        Ok(programs)
    }

    /// A command of cargo's for the programs' package.
    pub fn command(
        racecheck: &Path,
        profile: Profile,
        build: Build,
        command: &str,
        folder: &Path,
    ) -> Result<Command> {
        let mut cargo = build.cargo(racecheck, profile)?;
        cargo.args([command, "--quiet", "--locked", "--target", TARGET]);
        if profile == Profile::Release {
            cargo.arg("--release");
        }
        cargo.arg("--manifest-path").arg(package("programs").join("Cargo.toml"));
        cargo.arg("--target-dir").arg(folder);
        Ok(cargo)
    }

    /// How a program is run in one of the ways that were built.
    pub fn invocation(&self, build: Build, arguments: &[&str]) -> Invocation {
        let (program, arguments) = match (self.suites.get(&build), arguments) {
            // As many threads on each machine.
            (Some(suite), [SUITE_NAME]) => (suite.clone(), &["--test-threads=2"][..]),
            _ => (self.executable(build), arguments),
        };
        let native = Invocation::new(program, arguments);
        if build == Build::Helgrind {
            native.under("valgrind", &["--tool=helgrind", "--log-file=/dev/null"])
        } else {
            native
        }
    }

    /// How they were built.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// All programs.
    pub fn list(&self) -> Result<Vec<Program>> {
        let listed = output(&mut Command::new(self.executable(Build::Native)))?;
        let lines = listed.lines().filter_map(|line| line.split_once(' '));
        let suite = ("plain", SUITE_NAME);
        let named = lines.chain([suite]);
        Ok(named.map(|(sort, name)| Program { sort: sort.to_owned(), name: name.to_owned() }).collect())
    }

    fn executable(&self, build: Build) -> PathBuf {
        let folder = self.folder.join(build.built().name()).join(TARGET);
        folder.join(self.profile.name()).join("programs")
    }
}

/// What cargo says of the things that it made, as far as it is of interest here.
#[derive(Deserialize)]
struct Made {
    executable: Option<PathBuf>,
}

/// The executable among what cargo made.
fn executable(messages: &str) -> Option<PathBuf> {
    messages.lines().filter_map(|line| serde_json::from_str::<Made>(line).ok()?.executable).next()
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
        // That standard library's test harness is one that asks the runtime whether a test raced, around the real one.
        format!("-Ldependency={sysroot}/lib/rustlib/{TARGET}/harness"),
        // This says null outside of a report, which is no.
        "-Clink-arg=-Wl,--defsym=racecheck_rt_test_raced=__tsan_get_current_report".to_owned(),
    ];
    flags.extend(rounds::REPEATED.map(|function| {
        let (name, alias) = (rounds::name_by_pass(function), rounds::name_of_first(function));
        format!("-Clink-arg=-Wl,--defsym={alias}={name}")
    }));
    Ok(flags)
}

/// What a program prints to its successful end, without white space around it. Its errors go where this program's go.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output()?;
    match output.status.success() {
        true => Ok(String::from_utf8(output.stdout)?.trim().to_owned()),
        false => Err(format!("{command:?} failed ({})", output.status).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_found_among_cargos_messages() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\n\
            {\"reason\":\"compiler-artifact\",\"executable\":\"/x/tests\"}\n\
            {\"reason\":\"build-finished\",\"success\":true}";
        assert_eq!(executable(messages), Some("/x/tests".into()));
        assert_eq!(executable(""), None);
    }
}
