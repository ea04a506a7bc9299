//! Published code under racecheck: the program behind `make crates`.
//!
//! - Without a subcommand: the own tests of the crates in [`table`], natively and under racecheck. The
//!   same tests have to pass, and what is reported is counted, so that it can be triaged.
//! - `rustsec`: the programs of `testdata/rustsec`, whose races have to be reported in every run.
//!
//! It needs cargo's registry, so it is no part of the ordinary tests. It judges nothing: whether a report is
//! a true one is written down in `docs/findings.md`, by people who read the crate.

mod error;
mod package;
mod process;
mod reports;
mod rustsec;
mod suite;
mod table;
mod verdicts;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use serde::Serialize;

use error::{Error, Result};
use suite::Judged;
use table::{SUITES, Suite};

/// Runs published crates' own tests, and programs for RustSec advisories, under racecheck.
#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Option<What>,
    #[command(flatten)]
    common: Common,
    /// Only these, with commas between them
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Cargo's number of jobs
    #[arg(long)]
    jobs: Option<usize>,
}

#[derive(Debug, Args)]
struct Common {
    /// The racecheck to test; the one beside this program if not given
    #[arg(long, global = true)]
    racecheck: Option<PathBuf>,
    /// Where sources, builds and logs go
    #[arg(long, global = true, default_value = "target/suites")]
    work: PathBuf,
    /// Where the result is written as JSON
    #[arg(long, global = true)]
    json: Option<PathBuf>,
    /// Seconds that each step may take
    #[arg(long, global = true, default_value_t = 900)]
    limit: u64,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The programs of testdata/rustsec
    Rustsec {
        /// Runs for each
        #[arg(long, default_value_t = 10)]
        runs: usize,
        /// Where they are
        #[arg(long, default_value = "testdata/rustsec")]
        from: PathBuf,
        /// Only those whose name begins with one of these
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match &cli.command {
        None => crates(&cli),
        Some(What::Rustsec { runs, from, only }) => advisories(&cli.common, *runs, from, only),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("racecheck-suites: {error}");
            ExitCode::from(2)
        }
    }
}

fn crates(cli: &Cli) -> Result<ExitCode> {
    let setting = suite::Setting {
        racecheck: cli.common.racecheck()?,
        work: cli.common.work()?,
        jobs: cli.jobs,
        limit: Duration::from_secs(cli.common.limit),
    };
    let suites = chosen(&cli.only)?;
    println!(
        "{:<20} {:<9} {:>7} {:>8} {:>5} {:>6} {:>8} {:>5} {:>7} {:>7}",
        "crate", "version", "native", "checked", "lost", "races", "reports", "held", "nat. s", "chk. s"
    );
    let mut all = Vec::new();
    for suite in suites {
        let judged = suite::judge(suite, &setting);
        println!("{}", row(&judged));
        all.push(judged);
        // After each: a run takes long, and what it has found so far is worth keeping.
        cli.common.write_json(&all)?;
    }
    let clean = |judged: &Judged| judged.figures.as_ref().is_some_and(suite::Figures::is_clean);
    let clean = all.iter().filter(|judged| clean(judged)).count();
    println!("{clean} of {} crates: the same tests pass, and nothing is reported", all.len());
    Ok(ExitCode::from(u8::from(clean < all.len())))
}

fn advisories(common: &Common, runs: usize, from: &Path, only: &[String]) -> Result<ExitCode> {
    let setting = rustsec::Setting {
        racecheck: common.racecheck()?,
        work: common.work()?,
        runs,
        limit: Duration::from_secs(common.limit),
    };
    let mut all = Vec::new();
    for package in rustsec::packages(from)? {
        let name = package.file_name().unwrap_or_default().to_string_lossy();
        if !only.is_empty() && !only.iter().any(|prefix| name.starts_with(prefix.as_str())) {
            continue;
        }
        let tried = rustsec::judge(&package, &setting);
        match &tried.error {
            None => println!("{:<44} {:>2} of {} {}", tried.name, tried.found, tried.runs, tried.frame),
            Some(error) => println!("{:<44} {error}", tried.name),
        }
        all.push(tried);
        common.write_json(&all)?;
    }
    let found = all.iter().filter(|tried| tried.is_found()).count();
    println!("{found} found in every run, of {} tried", all.len());
    Ok(ExitCode::from(u8::from(found < all.len())))
}

impl Common {
    fn racecheck(&self) -> Result<PathBuf> {
        let path = match &self.racecheck {
            Some(path) => path.clone(),
            None => {
                let here = std::env::current_exe().map_err(Error::file("find", Path::new("this program")))?;
                here.with_file_name("racecheck")
            }
        };
        // The tests are run from other folders.
        path.canonicalize().map_err(|_| Error::NoRacecheck { path })
    }

    fn work(&self) -> Result<PathBuf> {
        std::fs::create_dir_all(&self.work).map_err(Error::file("create", &self.work))?;
        self.work.canonicalize().map_err(Error::file("find", &self.work))
    }

    fn write_json<T: Serialize>(&self, results: &[T]) -> Result<()> {
        let Some(path) = &self.json else { return Ok(()) };
        let file = std::fs::File::create(path).map_err(Error::file("write", path))?;
        serde_json::to_writer_pretty(file, results)
            .map_err(std::io::Error::from)
            .map_err(Error::file("write", path))
    }
}

fn chosen(only: &[String]) -> Result<Vec<&'static Suite>> {
    if only.is_empty() {
        return Ok(SUITES.iter().collect());
    }
    let find = |name: &String| {
        SUITES.iter().find(|suite| suite.name == name).ok_or_else(|| Error::NotInTable {
            name: name.clone(),
            known: SUITES.iter().map(|suite| suite.name).collect::<Vec<_>>().join(", "),
        })
    };
    only.iter().map(find).collect()
}

fn row(judged: &Judged) -> String {
    let Judged { name, version, .. } = judged;
    match (&judged.figures, &judged.error) {
        (Some(it), _) => {
            let held: usize = it.held_back.values().sum();
            let mut row = format!(
                "{name:<20} {version:<9} {:>7} {:>8} {:>5} {:>6} {:>8} {held:>5} {:>7.1} {:>7.1}",
                it.native_passed,
                it.checked_passed,
                it.lost.len(),
                it.races,
                it.reports,
                it.native_seconds,
                it.checked_seconds
            );
            for lost in &it.lost {
                row.push_str(&format!("\n    lost: {lost}"));
            }
            if judged.opt_level > 0 {
                row.push_str(&format!("\n    at opt-level {}", judged.opt_level));
            }
            for test in &judged.left_out {
                row.push_str(&format!("\n    left out: {test}"));
            }
            row
        }
        (None, error) => format!("{name:<20} {version:<9} {}", error.as_deref().unwrap_or("not run")),
    }
}
