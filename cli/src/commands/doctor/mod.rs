//! `racecheck doctor`: whether racecheck can work here, and what to do if not.
//!
//! A line for each thing: `ok`, `warn` (it works, with a drawback), or `FAIL` and what to do. At the end a racy and a
//! clean program are built and run, which is the only proof.

mod machine;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use super::compile;
use crate::cache::Cache;
use crate::cargo::{self, Config, Line};
use crate::error::{EXIT_STATUS, Error, Result};
use crate::inlined;
use crate::options::Manner;
use crate::runtime;
use crate::session;
use crate::sysroot::{self, State, Sysroot};

/// A program with a race that nothing can hide, and the same with a lock.
const PROBES: [Probe; 2] = [
    Probe {
        name: "racy",
        source: "fn main() { static mut X: u64 = 0; \
                 let t = std::thread::spawn(|| unsafe { X += 1 }); unsafe { X += 1 }; t.join().unwrap(); }",
        expected: Verdict::Race,
    },
    Probe {
        name: "clean",
        source: "use std::sync::Mutex; fn main() { static X: Mutex<u64> = Mutex::new(0); \
                 let t = std::thread::spawn(|| *X.lock().unwrap() += 1); *X.lock().unwrap() += 1; \
                 t.join().unwrap(); }",
        expected: Verdict::Silent,
    },
];

struct Probe {
    name: &'static str,
    source: &'static str,
    expected: Verdict,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Race,
    Silent,
}

/// Looks at everything that racecheck stands on, and says in a line each how it is.
pub fn examine() -> Result<ExitCode> {
    let mut report = Report::default();
    println!("racecheck {}, runtime {}", env!("CARGO_PKG_VERSION"), runtime::HASH);
    report.check("options", session::options(), |_| "RACECHECK_OPTIONS is understood".to_owned());
    let here = std::env::current_dir().map_err(Error::file("find", "."))?;
    let toolchain = Config::read(&here, &Line::default()).and_then(|config| cargo::toolchain(&config));
    let toolchain = report.check("toolchain", toolchain, |toolchain| {
        format!("rustc {} in {}", toolchain.release(), toolchain.sysroot.display())
    });
    if let Some(toolchain) = &toolchain {
        report.check("rust-lld", toolchain.rust_lld(), |path| path.display().to_string());
        report.check("bitcode", sysroot::check_bitcode(toolchain), |()| {
            "the standard library carries LLVM bitcode".to_owned()
        });
    }
    let cache = Cache::locate().and_then(|cache| cache.folder("").map(|_| cache));
    let cache = report.check("cache", cache, |cache| cache.root().display().to_string());
    if let (Some(toolchain), Some(cache)) = (&toolchain, &cache) {
        report.check(
            "standard library",
            Sysroot::of(toolchain, cache, inlined::locate(toolchain, cache), true),
            |sysroot| match sysroot.state() {
                State::Ready => format!("instrumented, in {}", sysroot.path().display()),
                State::Absent => "not instrumented yet, made now".to_owned(),
                State::Broken => "the instrumented copy is damaged, made again now".to_owned(),
            },
        );
    }
    report.tell("linker", machine::linker());
    let folder = tempfile::tempdir().map_err(Error::file("create a folder in", std::env::temp_dir()))?;
    report.tell("C compiler", machine::c_compiler(folder.path()));
    report.tell("address space", machine::address_space());
    report.tell("limits", machine::limits());
    report.tell("kernel", machine::kernel());
    report.tell("nextest", machine::nextest());
    if report.failed == 0 {
        for probe in &PROBES {
            report.check(&format!("{} probe", probe.name), probe.try_out(), Clone::clone);
        }
    }
    Ok(match report.failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(EXIT_STATUS),
    })
}

/// What is to be said of something that was looked at.
#[derive(Debug)]
enum Opinion {
    /// It is as it should be.
    Good(String),
    /// It works, with a drawback.
    Doubtful(String),
    /// racecheck can't work with it.
    Bad(String),
}

impl Probe {
    /// Builds and runs it, and returns what was seen if that is right.
    fn try_out(&self) -> Result<String> {
        let folder = tempfile::tempdir().map_err(Error::file("create a folder in", std::env::temp_dir()))?;
        let (source, program) = (folder.path().join("probe.rs"), folder.path().join("probe"));
        fs::write(&source, self.source).map_err(Error::file("write", &source))?;
        let failed = |what: String| Error::Probe { what };
        if compile::compile(&source, Vec::new(), Manner::default(), &program)?.is_err() {
            return Err(failed("it does not compile, see above".to_owned()));
        }
        let output = run_alone(&program)?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        let seen = if stderr.contains("WARNING: DATA RACE") { Verdict::Race } else { Verdict::Silent };
        match (seen == self.expected, seen, output.status.code()) {
            (true, Verdict::Race, Some(66)) if !stderr.contains("probe.rs:1") => {
                Err(failed("its race is reported, but without lines: debug info can't be read".to_owned()))
            }
            (true, Verdict::Race, Some(66)) => {
                Ok("its race is reported, with both stacks and lines, and status 66".to_owned())
            }
            (true, Verdict::Silent, Some(0)) => Ok("it is silent, with status 0".to_owned()),
            _ => {
                // What the runtime says about it is the best clue there is.
                let _ = std::io::stderr().write_all(&output.stderr);
                Err(failed(format!("expected {:?}, got {seen:?} and {}", self.expected, output.status)))
            }
        }
    }
}

/// Runs a program without this racecheck, or one around it, in between, and at default options.
fn run_alone(program: &Path) -> Result<std::process::Output> {
    Command::new(program)
        .env_remove(session::CHANNEL_VARIABLE)
        .env_remove(racecheck_report::options::ENVIRONMENT_VARIABLE)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::Start { program: program.display().to_string(), source, hint: "" })
}

#[derive(Default)]
struct Report {
    failed: usize,
}

impl Report {
    fn tell(&mut self, name: &str, opinion: Opinion) {
        match opinion {
            Opinion::Good(text) => println!("ok    {name}: {text}"),
            Opinion::Doubtful(text) => println!("warn  {name}: {text}"),
            Opinion::Bad(text) => {
                self.failed += 1;
                println!("FAIL  {name}: {text}");
            }
        }
    }

    fn check<T>(&mut self, name: &str, result: Result<T>, describe: impl FnOnce(&T) -> String) -> Option<T> {
        match result {
            Ok(found) => {
                println!("ok    {name}: {}", describe(&found));
                Some(found)
            }
            Err(error) => {
                self.failed += 1;
                println!("FAIL  {name}: {error}");
                None
            }
        }
    }
}
