//! The ceiling of the detector's own memory: it is kept, it invents nothing, and what it costs is told.

use super::support::{Folder, Ran, RunExt};

/// Four threads fill and read some hundred MiB, in turns that are ordered. An edge from the beginning orders two
/// accesses at the end; with the word `racy` two others are not ordered. Prints the most memory that it had.
const PROGRAM: &str = r#"
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex};

struct Shared(UnsafeCell<u64>);
unsafe impl Sync for Shared {}
static EARLY: Shared = Shared(UnsafeCell::new(0));
static READY: AtomicBool = AtomicBool::new(false);
static LATE: Shared = Shared(UnsafeCell::new(0));

const PARTS: usize = 8;
const WORDS: usize = 5 << 20;

fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn main() {
    let racy = std::env::args().nth(1).as_deref() == Some("racy");
    let parts: Arc<Vec<Mutex<Vec<u64>>>> = Arc::new((0..PARTS).map(|_| Mutex::new(vec![0; WORDS])).collect());
    let barrier = Arc::new(Barrier::new(4));
    let threads: Vec<_> = (0..4)
        .map(|me| {
            let (parts, barrier) = (parts.clone(), barrier.clone());
            std::thread::spawn(move || {
                if me == 0 {
                    unsafe { *EARLY.0.get() = 7 };
                    READY.store(true, Ordering::Release);
                }
                for round in 0..PARTS {
                    let mut part = parts[(me * 2 + round) % PARTS].lock().unwrap();
                    part.iter_mut().step_by(32).for_each(|word| *word += 1);
                }
                if me == 1 && READY.load(Ordering::Acquire) {
                    assert_eq!(unsafe { *EARLY.0.get() }, 7);
                }
                barrier.wait();
                if racy && me < 2 {
                    unsafe { *LATE.0.get() += 1 };
                }
            })
        })
        .collect();
    // The handles stay until nobody races any more: what their end orders comes after it.
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    println!("{}", peak());
}
"#;

const LIMIT_MIB: u64 = 48;
/// What is not counted: the runtime's code, the metadata of blocks, shadow call stacks, what a report reads.
const TOLERANCE_MIB: u64 = 16;

fn peak(ran: &Ran) -> u64 {
    ran.stdout.trim().parse::<u64>().unwrap_or_else(|_| panic!("no number: {ran:#?}")) / 1024
}

#[test]
fn the_limit_is_kept_and_nothing_is_invented() {
    let folder = Folder::with(&[("main.rs", PROGRAM)]);
    folder.shell("rustc -O -o native main.rs").ran().assert_status(0);
    folder.racecheck(&["rustc", "-O", "main.rs"]).ran().assert_status(0);
    let native = peak(folder.program("native", &[]).ran().assert_status(0));
    assert!(native > 300, "{native} MiB");
    let free = folder.racecheck(&["run", "./main"]).ran();
    let free = peak(free.assert_status(0).assert_no_stderr("racecheck:"));
    assert!(free > native + 4 * LIMIT_MIB, "the limit would not matter: {free} MiB, {native} MiB natively");

    let limit = LIMIT_MIB.to_string();
    let run =
        |word: &str| folder.racecheck(&["--stats", "--memory-limit", &limit, "run", "./main", word]).ran();
    let clean = run("clean");
    clean.assert_status(0).assert_no_stderr("DATA RACE").assert_no_stderr("could not be kept");
    clean.assert_stderr(
        " of 8 bytes lost their history at the memory limit: races with those accesses are missed\n",
    );
    clean.assert_stderr("; 48.0 MiB the limit\n").assert_stderr("report(s), history of ");
    let took = peak(&clean) - native;
    assert!(took <= LIMIT_MIB + TOLERANCE_MIB, "{took} MiB");

    let racy = run("racy");
    racy.assert_status(66).assert_stderr("main.rs:42").assert_stderr("Found 1 data race(s)\n");
}

#[test]
fn a_program_on_its_own_says_what_was_dropped() {
    let folder = Folder::with(&[("main.rs", PROGRAM)]);
    folder.racecheck(&["rustc", "-O", "main.rs"]).ran().assert_status(0);
    let ran = folder.shell("./main").env("RACECHECK_OPTIONS", "memory_limit_mb=48").ran();
    ran.assert_status(0).assert_stderr("racecheck: at the memory limit the history of ");
}

#[test]
fn spent_history_is_dropped_without_a_word() {
    // Whoever is alone can race with nobody: neither now nor later.
    let program = "\
fn main() {
    let mut words = vec![0u64; 40 << 20];
    for round in 0..2 {
        words.iter_mut().step_by(32).for_each(|word| *word += round);
    }
    std::thread::spawn(move || println!(\"{}\", words.iter().step_by(1 << 20).sum::<u64>())).join().unwrap();
}
";
    let folder = Folder::with(&[("main.rs", program)]);
    let ran = folder.racecheck(&["--memory-limit", "48", "run", "-O", "main.rs"]).ran();
    ran.assert_status(0).assert_no_stderr("racecheck:");
}

#[test]
fn what_cannot_be_dropped_is_said_once() {
    let program = "\
use std::sync::atomic::{AtomicU64, Ordering};
fn main() {
    let flags: Vec<AtomicU64> = (0..1 << 19).map(AtomicU64::new).collect();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| flags.iter().for_each(|flag| drop(flag.fetch_add(1, Ordering::AcqRel))));
        }
    });
}
";
    let folder = Folder::with(&[("main.rs", program)]);
    let ran = folder.racecheck(&["--memory-limit", "24", "run", "-O", "main.rs"]).ran();
    ran.assert_status(0).assert_stderr("the memory limit of 24.0 MiB could not be kept: ");
    assert_eq!(ran.stderr.matches("memory_limit_mb=24: the detector needs ").count(), 1, "{}", ran.stderr);
}
