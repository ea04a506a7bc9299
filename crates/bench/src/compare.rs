//! Each program three ways, as ratios.

use serde_json::json;

use crate::build::{Build, Programs};
use crate::measure::{self, Run};
use crate::{Request, Result};

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

/// Runs the programs and prints a line for each.
pub fn compare(request: &Request, programs: &Programs) -> Result<serde_json::Value> {
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
