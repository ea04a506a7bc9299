//! How time grows with the number of threads.

use serde_json::json;

use crate::build::{Build, Programs};
use crate::measure;
use crate::{Request, Result};

/// The ways in which the kernels are built.
pub const BUILDS: [Build; 3] = [Build::Native, Build::Stock, Build::Racecheck];

/// The same work in total, by so many threads.
const THREADS: [usize; 7] = [1, 2, 4, 8, 16, 64, 256];

/// So many threads, one after the other.
const JOINS: [usize; 7] = [100, 200, 400, 1000, 2000, 4000, 8000];

/// Runs the kernels with more and more threads.
pub fn scale(request: &Request, programs: &Programs) -> Result<serde_json::Value> {
    println!("time by number of threads ÷ time of the fewest, for the same work in total (joins: for each)");
    let mut results = serde_json::Map::new();
    for kernel in ["lock", "atomic", "read_shared", "joins"] {
        if !request.programs.is_empty() && !request.programs.iter().any(|chosen| chosen == kernel) {
            continue;
        }
        let counts = if kernel == "joins" { JOINS } else { THREADS };
        let mut seconds: [Vec<f64>; BUILDS.len()] = Default::default();
        for threads in counts {
            let count = threads.to_string();
            let invocations = BUILDS.map(|build| programs.invocation(build, &[kernel, &count]));
            let work = if kernel == "joins" { threads as f64 } else { 1.0 };
            for (run, seconds) in
                measure::interleaved(&invocations, request.runs.get())?.iter().zip(&mut seconds)
            {
                seconds.push(run.wall() / work);
            }
        }
        for (build, seconds) in BUILDS.iter().zip(&seconds) {
            let cells = counts.iter().zip(seconds).map(|(n, s)| format!("{n}: {:5.2}", s / seconds[0]));
            let first = format!("({:.3} ms)", seconds[0] * 1e3);
            println!("{kernel:12} {:10} {first:12} {}", build.name(), cells.collect::<Vec<_>>().join("  "));
            results.insert(format!("{kernel} {}", build.name()), json!(seconds));
        }
    }
    Ok(results.into())
}
