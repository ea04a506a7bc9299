//! Each program in several ways, as ratios: the tables of `make bench`.

use serde_json::json;

use crate::build::{Build, Program, Programs};
use crate::measure::{self, Run};
use crate::{Request, Result};

/// What is compared with what.
pub struct Table {
    /// The ways.
    pub builds: &'static [Build],
    columns: &'static [Column],
    /// The programs that are run if none is named; none stands for all.
    programs: &'static [&'static str],
}

/// One ratio.
struct Column {
    title: &'static str,
    measure: fn(&Run) -> f64,
    of: Build,
    to: Build,
}

const fn time(title: &'static str, of: Build, to: Build) -> Column {
    Column { title, measure: Run::wall, of, to }
}

const fn memory(title: &'static str, of: Build, to: Build) -> Column {
    Column { title, measure: Run::memory, of, to }
}

use Build::{Called, Focused, Helgrind, Native, Racecheck, Stock};

/// The three ways.
pub const THREE_WAYS: Table = Table {
    builds: &[Native, Stock, Racecheck],
    columns: &[
        time("stock/native", Stock, Native),
        time("racecheck/native", Racecheck, Native),
        time("racecheck/stock", Racecheck, Stock),
        Column { title: "CPU", measure: Run::cpu, of: Racecheck, to: Stock },
        memory("memory/native", Racecheck, Native),
        memory("memory/stock", Racecheck, Stock),
    ],
    programs: &[],
};

/// Where the hot code is not in focus.
pub const FOCUS: Table = Table {
    builds: &[Native, Focused, Racecheck],
    columns: &[
        time("focused/native", Focused, Native),
        time("racecheck/native", Racecheck, Native),
        memory("memory focused/native", Focused, Native),
    ],
    programs: &[],
};

/// What inlining the fast paths brings.
pub const CALLS: Table = Table {
    builds: &[Racecheck, Called],
    columns: &[
        time("inlined/called", Racecheck, Called),
        Column { title: "CPU", measure: Run::cpu, of: Racecheck, to: Called },
    ],
    programs: &[],
};

/// A detector that needs no building, on programs of three kinds: plain data, a lock that is fought for, and waiting.
pub const HELGRIND: Table = Table {
    builds: &[Native, Helgrind, Stock, Racecheck],
    columns: &[
        time("helgrind/native", Helgrind, Native),
        time("stock/native", Stock, Native),
        time("racecheck/native", Racecheck, Native),
        memory("memory helgrind/native", Helgrind, Native),
        memory("racecheck/native", Racecheck, Native),
    ],
    programs: &["hash_map", "mutex_contended", "condvar"],
};

/// A program's medians, by build.
struct Row {
    program: Program,
    medians: Vec<(Build, Run)>,
}

impl Row {
    fn ratio(&self, column: &Column) -> f64 {
        let of = |build| {
            let found = self.medians.iter().find(|(b, _)| *b == build);
            found.map_or(f64::NAN, |(_, run)| (column.measure)(run))
        };
        of(column.of) / of(column.to)
    }

    fn json(&self) -> serde_json::Value {
        let runs = self.medians.iter().map(|(build, run)| (build.name().to_owned(), run.json()));
        let runs: serde_json::Map<_, _> = runs.collect();
        json!({ "program": self.program.name, "sort": self.program.sort, "medians": runs })
    }
}

/// Runs the programs and prints a line for each.
pub fn compare(request: &Request, table: &Table, programs: &Programs) -> Result<serde_json::Value> {
    let titles = table.columns.iter().map(|column| format!("{:>5}", column.title)).collect::<Vec<_>>();
    println!("{:20} {:>9}   {}", "program", table.builds[0].name(), titles.join("  "));
    let named = |name: &str| match &request.programs[..] {
        [] => table.programs.is_empty() || table.programs.contains(&name),
        chosen => chosen.iter().any(|chosen| chosen == name),
    };
    let mut rows = Vec::new();
    for program in programs.list()?.into_iter().filter(|program| named(&program.name)) {
        let invocations = table.builds.iter().map(|&build| programs.invocation(build, &[&program.name]));
        let medians = measure::interleaved(&invocations.collect::<Vec<_>>(), request.runs.get())?;
        let row = Row { program, medians: table.builds.iter().copied().zip(medians).collect() };
        let first = format!("{:.0} ms", row.medians[0].1.wall() * 1e3);
        print(&row.program.name, &first, table, |column| row.ratio(column));
        rows.push(row);
    }
    for (title, sort) in [("plain", Some("plain")), ("synchronising", Some("synchronising")), ("all", None)] {
        let chosen: Vec<_> = rows.iter().filter(|r| sort.is_none_or(|s| r.program.sort == s)).collect();
        if !chosen.is_empty() {
            let logs = |column: &Column| chosen.iter().map(|r| r.ratio(column).ln()).sum::<f64>();
            print(title, "mean", table, |column| (logs(column) / chosen.len() as f64).exp());
        }
    }
    Ok(json!({
        "profile": programs.profile().name(),
        "programs": rows.iter().map(Row::json).collect::<Vec<_>>(),
        "nothing": nothing(request, table, programs)?,
    }))
}

/// What a program takes that does nothing.
fn nothing(request: &Request, table: &Table, programs: &Programs) -> Result<serde_json::Value> {
    let invocations = table.builds.iter().map(|&build| programs.invocation(build, &["nothing"]));
    let runs = measure::interleaved(&invocations.collect::<Vec<_>>(), request.runs.get().max(9))?;
    let times = table.builds.iter().zip(&runs);
    let said = times.clone().map(|(build, run)| format!("{} {:.1} ms", build.name(), run.wall() * 1e3));
    println!("a program that does nothing: {}", said.collect::<Vec<_>>().join(", "));
    Ok(times
        .map(|(build, run)| (build.name().to_owned(), run.json()))
        .collect::<serde_json::Map<_, _>>()
        .into())
}

fn print(name: &str, first: &str, table: &Table, ratio: impl Fn(&Column) -> f64) {
    let cells = table.columns.iter().map(|c| format!("{:>width$.2}", ratio(c), width = c.title.len().max(5)));
    println!("{name:20} {first:>9}   {}", cells.collect::<Vec<_>>().join("  "));
}
