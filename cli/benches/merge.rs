//! How fast files of findings are joined, and in how much memory.
//!
//! ```text
//! cargo bench -p racecheck-cli --bench merge            # 200,000 reports of 2,000 races
//! RACECHECK_BENCH_REPORTS=1000000 cargo bench …         # takes 8 GB in the temporary folder
//! RACECHECK_BENCH_RACES=200000 cargo bench …            # all different
//! ```
//!
//! Fails below the rate that is promised, which is for a machine with nothing else to do.

use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use racecheck_cli::reports::merge::Merge;
use racecheck_report::model::{Location, Thread};
use racecheck_report::{Access, Finding, Frame, Op, Stack};

/// Reports a second that are promised.
const PROMISED: f64 = 50_000.0;
const SHARDS: usize = 8;

fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn main() {
    let reports = number("RACECHECK_BENCH_REPORTS", 200_000);
    let races = number("RACECHECK_BENCH_RACES", 2_000);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let bytes = generate(folder.path(), reports, races);
    let start = Instant::now();
    let merge = Merge::read(&[folder.path().to_owned()]).expect("the files were written above");
    let read = start.elapsed();
    let output: PathBuf = folder.path().join("all");
    let mut file = BufWriter::new(std::fs::File::create(&output).expect("a file in the folder"));
    merge.write(&mut file).expect("the files are still there");
    file.flush().expect("room for the output");
    let whole = start.elapsed();
    let summary = merge.summary();
    assert_eq!((summary.reports, summary.races, summary.broken), (reports as u64, races as u64, 0));
    let rate = reports as f64 / whole.as_secs_f64();
    println!(
        "{reports} reports ({} MB) of {races} races in {:.2} s (read {:.2} s): {rate:.0} a second, {} MB at most",
        bytes / 1_000_000,
        whole.as_secs_f64(),
        read.as_secs_f64(),
        peak_memory() / 1_000_000,
    );
    assert!(rate >= PROMISED, "less than {PROMISED} a second");
}

/// Reports as the runtime writes them: two stacks of six frames, a heap block, two threads.
fn generate(folder: &Path, reports: usize, races: usize) -> u64 {
    let mut bytes = 0;
    for shard in 0..SHARDS {
        let path = folder.join(format!("shard-{shard}.jsonl"));
        let mut file = BufWriter::new(std::fs::File::create(path).expect("a file in the folder"));
        for number in (shard..reports).step_by(SHARDS) {
            let line = finding(number, number / SHARDS * SHARDS % races + shard).to_json_line();
            bytes += line.len() as u64 + 1;
            writeln!(file, "{line}").expect("room for the input");
        }
    }
    bytes
}

fn finding(number: usize, race: usize) -> Finding {
    let stack = |line: usize| {
        let frames = (0..6).map(|depth| {
            let mut function = String::new();
            let _ = write!(function, "service::module_{depth}::Type<T>::method_{}", line % 50);
            Frame {
                function: Some(function),
                file: Some(format!("/home/runner/src/service/service/src/module_{depth}.rs")),
                line: (line + depth) as u32,
                column: 13,
                module: Some("/home/runner/src/service/target/debug/deps/service-0123456789abcdef".into()),
                offset: 0x1234 + line as u64,
                inlined: depth == 1,
            }
        });
        Stack { frames: frames.collect(), lost: false }
    };
    let access =
        |op, thread, line| Access { op, address: number as u64, size: 8, thread, stack: stack(line) };
    let thread = |id| Thread {
        id,
        name: Some("worker".into()),
        running: true,
        created_by: Some(0),
        created_at: stack(1),
    };
    Finding {
        pid: number as u32,
        program: "/home/runner/src/service/target/debug/deps/service-0123456789abcdef".into(),
        access: access(Op::Write, 1, 10 + race),
        previous: access(Op::Read, 2, 7),
        location: Some(Location::Heap {
            address: number as u64,
            size: 64,
            offset: 8,
            freed: false,
            allocated_by: 0,
            stack: stack(3),
        }),
        threads: vec![thread(1), thread(2)],
        ..Finding::default()
    }
}

/// The most memory that this process had, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}
