//! `make bench`: builds programs three ways from the same source, runs them in turn, and prints ratios.
//!
//! The three ways: native; instrumented with the toolchain's own ThreadSanitizer runtime behind it ("stock");
//! with racecheck, as its users get it. Stock gets the same passes and the same instrumented standard library, and calls
//! its runtime where racecheck inlines the fast paths: those are what racecheck's runtime allows and the other does
//! not. Runs are interleaved, since machines are shared and their speed drifts: ratios hold, single times do not.
//!
//! ```text
//! racecheck-bench RACECHECK [--runs N] [--json FILE] [--debug] [--scaling] [PROGRAM]...
//! ```

mod build;
mod measure;

use std::error::Error;
use std::path::{Path, PathBuf};

use serde_json::json;

use build::{Build, Profile, Programs};
use measure::Run;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// What is to be done.
struct Request {
    racecheck: PathBuf,
    runs: usize,
    json: Option<PathBuf>,
    profile: Profile,
    scaling: bool,
    programs: Vec<String>,
}

impl Request {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Request> {
        let usage =
            "usage: racecheck-bench RACECHECK [--runs N] [--json FILE] [--debug] [--scaling] [PROGRAM]...";
        let mut request = Request {
            racecheck: words.next().ok_or(usage)?.into(),
            runs: 5,
            json: None,
            profile: Profile::Release,
            scaling: false,
            programs: Vec::new(),
        };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--runs" => request.runs = words.next().ok_or(usage)?.parse()?,
                "--json" => request.json = Some(words.next().ok_or(usage)?.into()),
                "--debug" => request.profile = Profile::Debug,
                "--scaling" => request.scaling = true,
                option if option.starts_with('-') => return Err(format!("{option}? {usage}").into()),
                _ => request.programs.push(word),
            }
        }
        Ok(request)
    }
}

fn main() -> Result<()> {
    let request = Request::parse(std::env::args().skip(1))?;
    let programs = Programs::build(&request.racecheck, request.profile)?;
    let results = if request.scaling { scale(&request, &programs)? } else { compare(&request, &programs)? };
    if let Some(file) = &request.json {
        std::fs::write(file, serde_json::to_string_pretty(&results)?)?;
        println!("as JSON: {}", file.display());
    }
    Ok(())
}

/// A program's medians, by build.
struct Row {
    name: String,
    sort: String,
    medians: [Run; 3],
}

impl Row {
    /// How many times as much `of` the first build takes as the second.
    fn ratio(&self, of: fn(&Run) -> f64, this: Build, that: Build) -> f64 {
        of(&self.medians[this as usize]) / of(&self.medians[that as usize])
    }

    fn columns(&self) -> [f64; 6] {
        let (wall, cpu, memory) = (Run::wall as fn(&Run) -> f64, Run::cpu as _, Run::memory as _);
        [
            self.ratio(wall, Build::Stock, Build::Native),
            self.ratio(wall, Build::Racecheck, Build::Native),
            self.ratio(wall, Build::Racecheck, Build::Stock),
            self.ratio(cpu, Build::Racecheck, Build::Stock),
            self.ratio(memory, Build::Racecheck, Build::Native),
            self.ratio(memory, Build::Racecheck, Build::Stock),
        ]
    }

    fn json(&self) -> serde_json::Value {
        let runs = Build::ALL.map(|b| (b.name(), self.medians[b as usize].json()));
        let runs: serde_json::Map<_, _> =
            runs.into_iter().map(|(name, run)| (name.to_owned(), run)).collect();
        json!({ "program": self.name, "sort": self.sort, "medians": runs })
    }
}

fn compare(request: &Request, programs: &Programs) -> Result<serde_json::Value> {
    println!("                          time ÷ native        time ÷ stock      memory ÷");
    println!("program           native    stock racecheck    wall    cpu     native  stock");
    let mut rows = Vec::new();
    for (sort, name) in programs.list()? {
        if !request.programs.is_empty() && !request.programs.contains(&name) {
            continue;
        }
        let medians = measure::interleaved(programs, request.runs, &[&name])?;
        let row = Row { name, sort, medians };
        print(&row.name, &format!("{:4.0} ms", medians[0].wall() * 1e3), row.columns());
        rows.push(row);
    }
    for (title, sort) in [("plain", Some("plain")), ("synchronising", Some("synchronising")), ("all", None)] {
        let chosen: Vec<_> = rows.iter().filter(|r| sort.is_none_or(|s| r.sort == s)).collect();
        if !chosen.is_empty() {
            let mean = |column: usize| {
                let logs = chosen.iter().map(|r| r.columns()[column].ln()).sum::<f64>();
                (logs / chosen.len() as f64).exp()
            };
            print(title, "mean", std::array::from_fn(mean));
        }
    }
    let nothing = measure::interleaved(programs, request.runs.max(9), &["nothing"])?;
    let [native, stock, racecheck] = nothing.map(|run| run.wall() * 1e3);
    println!(
        "a program that does nothing: native {native:.1} ms, stock {stock:.1} ms, racecheck {racecheck:.1} ms"
    );
    Ok(json!({
        "profile": programs.profile().name(),
        "programs": rows.iter().map(Row::json).collect::<Vec<_>>(),
        "nothing": { "native": native, "stock": stock, "racecheck": racecheck },
    }))
}

fn print(name: &str, native: &str, c: [f64; 6]) {
    println!(
        "{name:16} {native:>7} {:8.2} {:9.2} {:7.2} {:6.2} {:10.2} {:6.2}",
        c[0], c[1], c[2], c[3], c[4], c[5]
    );
}

/// How time grows with the number of threads.
fn scale(request: &Request, programs: &Programs) -> Result<serde_json::Value> {
    const THREADS: [usize; 7] = [1, 2, 4, 8, 16, 64, 256];
    println!("time by number of threads ÷ time of the fewest, for the same work in total (joins: for each)");
    let mut results = serde_json::Map::new();
    for kernel in ["lock", "atomic", "read_shared", "joins"] {
        let counts = if kernel == "joins" { [100, 200, 400, 1000, 2000, 4000, 8000] } else { THREADS };
        let mut times = Vec::new();
        for threads in counts {
            times.push(measure::interleaved(programs, request.runs, &[kernel, &threads.to_string()])?);
        }
        for build in Build::ALL {
            let each = |(at, runs): (usize, &[Run; 3])| {
                let work = if kernel == "joins" { counts[at] as f64 } else { 1.0 };
                runs[build as usize].wall() / work
            };
            let seconds: Vec<f64> = times.iter().enumerate().map(each).collect();
            let cells = counts.iter().zip(&seconds).map(|(n, s)| format!("{n}: {:5.2}", s / seconds[0]));
            println!("{kernel:12} {:10} {}", build.name(), cells.collect::<Vec<_>>().join("  "));
            results.insert(format!("{kernel} {}", build.name()), json!(seconds));
        }
    }
    Ok(results.into())
}

/// Where the programs' sources are.
fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("programs")
}
