//! `make bench` and `make instructions`: what racecheck costs.
//!
//! `make bench` builds programs in several ways from the same source, runs them in turn, and prints ratios. Three of them:
//! native; instrumented with the toolchain's own ThreadSanitizer runtime behind it ("stock"); with racecheck, as its
//! users get it. Stock gets the same passes and the same instrumented standard library, and calls its runtime where
//! racecheck inlines the fast paths: those are what racecheck's runtime allows and the other does not. Runs are
//! interleaved, since machines are shared and their speed drifts: ratios hold, single times do not.
//!
//! `make instructions` counts the instructions of single entry points. That is exact everywhere, so it is a part of what
//! has to pass before a change lands.

mod build;
mod build_time;
mod compare;
mod instructions;
mod measure;
mod scaling;
mod steps;

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser};

use build::{Build, Profile, Programs};
use compare::Table;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Measures what racecheck costs.
#[derive(Debug, Parser)]
struct Request {
    /// The racecheck to measure; the one beside this program if not given
    #[arg(long)]
    racecheck: Option<PathBuf>,
    #[command(flatten)]
    what: What,
    /// How often each program runs
    #[arg(long, default_value = "5")]
    runs: NonZeroUsize,
    /// Where the result is written as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// Debug builds; racecheck optimises them before it instruments, as its option --opt-first says
    #[arg(long)]
    debug: bool,
    /// Only these programs
    programs: Vec<String>,
}

/// What is measured; without any of these, all programs three ways.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct What {
    /// Programs whose hot code is not in focus
    #[arg(long)]
    focus: bool,
    /// Inlined fast paths against calls
    #[arg(long)]
    calls: bool,
    /// Valgrind's Helgrind as well, on three programs
    #[arg(long)]
    helgrind: bool,
    /// Builds from nothing, with and without racecheck
    #[arg(long)]
    build_time: bool,
    /// More and more threads
    #[arg(long)]
    scaling: bool,
    /// The instructions of entry points, against the recorded ones
    #[arg(long)]
    instructions: bool,
    /// The instructions of entry points, to be recorded
    #[arg(long)]
    record: bool,
}

fn main() -> ExitCode {
    match run(&Request::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("racecheck-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(request: &Request) -> Result<()> {
    let racecheck = request.racecheck()?;
    let profile = if request.debug { Profile::Debug } else { Profile::Release };
    let programs = |builds: &[Build]| Programs::build(&racecheck, profile, builds);
    let table = |table: &Table| compare::compare(request, table, &programs(table.builds)?);
    let results = match request.what {
        What { record: true, .. } => return instructions::record(&racecheck),
        What { instructions: true, .. } => instructions::check(&racecheck)?,
        What { scaling: true, .. } => scaling::scale(request, &programs(&scaling::BUILDS)?)?,
        What { build_time: true, .. } => build_time::measure(request, &racecheck)?,
        What { focus: true, .. } => table(&compare::FOCUS)?,
        What { calls: true, .. } => table(&compare::CALLS)?,
        What { helgrind: true, .. } => table(&compare::HELGRIND)?,
        _ => table(&compare::THREE_WAYS)?,
    };
    if let Some(file) = &request.json {
        std::fs::write(file, serde_json::to_string_pretty(&results)?)?;
        println!("as JSON: {}", file.display());
    }
    Ok(())
}

impl Request {
    fn racecheck(&self) -> Result<PathBuf> {
        let path = match &self.racecheck {
            Some(path) => path.clone(),
            None => std::env::current_exe()?.with_file_name("racecheck"),
        };
        let build = "build it first (`cargo build -p racecheck-cli`), or name it (--racecheck)";
        path.canonicalize().map_err(|e| format!("{}: {e}: {build}", path.display()).into())
    }
}

/// The folder of a package beside this one's sources.
fn package(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}
