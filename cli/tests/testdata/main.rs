//! Every program in `testdata/` against the verdict that it states about itself.
//!
//! A program is compiled with `racecheck rustc` and run with `racecheck run`, as a user would do it, once
//! for each configuration: at opt-levels 0 and 2, or in everything that [`Matrix::Full`] holds.
//!
//! - `*_clean.rs` must be silent and end with its own status.
//! - `*_race.rs` must end with 66, or its own status if that is another than 0, and one of the reports must
//!   name as the innermost places of its two accesses the two that the source marks with `// race:`. At
//!   opt-level 0 the whole text must be that of the `.report` file beside the program.
//!
//! A configuration whose compiled program is, byte for byte, that of one before is not run again: it would be the
//! same experiment. Such a trial counts as ignored and says which one did the work.
//!
//! The directives that a program can hold are listed in `testdata/README.md`.
//!
//! | variable | |
//! |---|---|
//! | `RACECHECK_BLESS=1` | writes the `.report` files in place of comparing them |
//! | `RACECHECK_MATRIX=full` | all configurations, the slow programs, and 50 runs of each |
//! | `RACECHECK_RUNS=N` | runs of each program in each configuration |

mod build;
mod process;
mod program;
mod report;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::{env, fs};

use libtest_mimic::{Arguments, Completion, Failed, Trial};

use build::{Built, Configuration, Matrix, Tried};
use process::Ran;
use program::{Program, Verdict};

/// racecheck's status when a race was reported.
const RACED: i32 = 66;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let settings = Settings::from_environment();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("testdata");
    let root = fs::canonicalize(&root).unwrap_or_else(|error| panic!("{}: {error}", root.display()));
    let trials = program::all_in(&root).into_iter().flat_map(|program| {
        let matrix = settings.matrix;
        let tried = Arc::new(Tried::default());
        matrix.configurations().into_iter().filter_map(move |configuration| {
            let name = format!("{} {configuration}", program.name);
            let skipped = program.is_slow && matrix == Matrix::Usual;
            let (program, tried) = (program.clone(), Arc::clone(&tried));
            configuration.suits(&program).then(|| {
                Trial::ignorable_test(name, move || verdict(&program, configuration, settings, &tried))
                    .with_ignored_flag(skipped)
            })
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// Checks a program; one that shows a limit of racecheck has to fail, so that the end of the limit is noticed.
fn verdict(
    program: &Program,
    configuration: Configuration,
    settings: Settings,
    tried: &Tried,
) -> Result<Completion, Failed> {
    let built = Built::new(program, configuration)?;
    // The report is compared in one configuration only, so that one is always run.
    if let Some(same) = tried.before(&built, configuration)?
        && !configuration.has_golden()
    {
        return Ok(Completion::ignored_with(format!("the same program as {same}")));
    }
    match (check(program, &built, configuration, settings), &program.limit) {
        (Ok(()), Some(limit)) => Err(format!("it passes, so this is no limit any more: {limit}").into()),
        (Err(_), Some(_)) | (Ok(()), None) => Ok(Completion::Completed),
        (Err(why), None) => Err(why),
    }
}

/// What the environment asks for.
#[derive(Clone, Copy)]
struct Settings {
    matrix: Matrix,
    runs: u32,
    goldens: Goldens,
}

#[derive(Clone, Copy, PartialEq)]
enum Goldens {
    Compare,
    Write,
}

impl Settings {
    fn from_environment() -> Self {
        let matrix = match env::var("RACECHECK_MATRIX").as_deref() {
            Ok("full") => Matrix::Full,
            Ok(other) => panic!("RACECHECK_MATRIX is `{other}`; it can only be `full`"),
            Err(_) => Matrix::Usual,
        };
        let runs = match env::var("RACECHECK_RUNS") {
            Ok(number) => number.parse().expect("RACECHECK_RUNS is a number"),
            Err(_) => matrix.runs(),
        };
        let goldens = match env::var_os("RACECHECK_BLESS") {
            Some(value) if value == "1" => Goldens::Write,
            _ => Goldens::Compare,
        };
        Settings { matrix, runs, goldens }
    }
}

/// The runs of one program in one configuration.
fn check(
    program: &Program,
    built: &Built,
    configuration: Configuration,
    settings: Settings,
) -> Result<(), Failed> {
    for run in 1..=settings.runs {
        let ran = built.run()?;
        let seen = match program.verdict {
            Verdict::Clean => check_clean(program, &ran),
            Verdict::Race => check_race(program, &ran),
        };
        seen.map_err(|why| format!("run {run}: {why}\n{ran}"))?;
        if program.verdict == Verdict::Race && configuration.has_golden() {
            let text = report::normalised(&ran.stderr, built.folder(), program.thread_state);
            compare_golden(&program.golden(), &text, settings.goldens)?;
        }
    }
    Ok(())
}

fn check_clean(program: &Program, ran: &Ran) -> Result<(), String> {
    if !ran.stderr.is_empty() {
        return Err("a clean program is not silent".into());
    }
    match ran.status == program.status {
        true => Ok(()),
        false => Err(format!("status {} where {} was due", ran.status, program.status)),
    }
}

fn check_race(program: &Program, ran: &Ran) -> Result<(), String> {
    let seen = report::accesses(&ran.stderr);
    if !seen.iter().any(|pair| pair.is(&program.marks)) {
        let marks: Vec<_> = program.marks.iter().map(ToString::to_string).collect();
        let seen: Vec<_> = seen.iter().map(ToString::to_string).collect();
        return Err(format!("no report of {}, but of: {}", marks.join(" and "), seen.join("; ")));
    }
    let due = if program.status == 0 { RACED } else { program.status };
    match ran.status == due {
        true => Ok(()),
        false => Err(format!("status {} where {due} was due", ran.status)),
    }
}

fn compare_golden(golden: &PathBuf, text: &str, goldens: Goldens) -> Result<(), Failed> {
    if goldens == Goldens::Write {
        return Ok(fs::write(golden, text)?);
    }
    let due = fs::read_to_string(golden)
        .map_err(|error| format!("{}: {error}; RACECHECK_BLESS=1 writes it", golden.display()))?;
    match due == text {
        true => Ok(()),
        false => Err(format!("not the report in {}:\n{due}--- but:\n{text}", golden.display()).into()),
    }
}
