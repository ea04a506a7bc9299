//! `racecheck doctor`: whether racecheck can work here.

use std::process::ExitCode;

use crate::cache::Cache;
use crate::cargo::{self, Config, Line};
use crate::error::{EXIT_STATUS, Error, Result};
use crate::runtime;
use crate::sysroot::{State, Sysroot};

/// Looks at everything that racecheck stands on, and says in a line each how it is.
pub fn examine() -> Result<ExitCode> {
    let mut report = Report::default();
    let here = std::env::current_dir().map_err(Error::file("find", "."))?;
    println!("racecheck {} (runtime {})", env!("CARGO_PKG_VERSION"), runtime::HASH);
    let toolchain = report.check(
        "toolchain",
        Config::read(&here, &Line::default()).and_then(|config| cargo::toolchain(&config)),
        |toolchain| format!("rustc {} in {}", toolchain.release(), toolchain.sysroot.display()),
    );
    let cache = report.check("cache", Cache::locate(), |cache| cache.root().display().to_string());
    if let Some(toolchain) = &toolchain {
        report.check("rust-lld", toolchain.rust_lld(), |path| path.display().to_string());
    }
    if let (Some(toolchain), Some(cache)) = (&toolchain, &cache) {
        report.check("standard library", Sysroot::of(toolchain, cache), |sysroot| match sysroot.state() {
            State::Ready => format!("instrumented, in {}", sysroot.path().display()),
            State::Absent => "not instrumented yet: the first build does it".to_owned(),
            State::Broken => "the instrumented copy is damaged: the next build makes it again".to_owned(),
        });
    }
    Ok(match report.failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(EXIT_STATUS),
    })
}

#[derive(Default)]
struct Report {
    failed: usize,
}

impl Report {
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
