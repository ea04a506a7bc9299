//! How time grows with the number of threads.

use serde_json::json;

use crate::build::{Build, Programs};
use crate::measure::{self, Run};
use crate::{Request, Result};

/// Runs the kernels with more and more threads.
pub fn scale(request: &Request, programs: &Programs) -> Result<serde_json::Value> {
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
