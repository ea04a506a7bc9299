//! The published crates whose own tests are run, and what is special about each.

/// A crate and how its tests are run.
#[derive(Debug)]
pub struct Suite {
    /// Name of the crate.
    pub name: &'static str,
    /// Cargo's version requirement.
    pub requirement: &'static str,
    /// Features beside the default ones, with commas between them; empty for none.
    pub features: &'static str,
    /// What of the package cargo builds and runs.
    pub targets: &'static [&'static str],
    /// Cargo's opt-level, natively too. Debug assertions stay on.
    pub opt_level: u8,
    /// Tests that are left out, natively too.
    pub skipped: &'static [Skip],
    /// What the reader of the result has to know.
    pub note: &'static str,
}

/// A test that is left out.
#[derive(Debug)]
pub struct Skip {
    /// What libtest's `--skip` gets.
    pub test: &'static str,
    /// Why.
    pub reason: &'static str,
}

/// Unit tests and all integration tests that the package holds.
const LIB_AND_TESTS: &[&str] = &["--lib", "--tests"];
/// For packages whose integration tests need what was not published.
const LIB: &[&str] = &["--lib"];
/// Of tokio's hundred and more integration tests, those of what hands data from thread to thread: `sync`, and the
/// runtime with several threads.
const TOKIO: &[&str] = &[
    "--test=sync_barrier",
    "--test=sync_broadcast",
    "--test=sync_mpsc",
    "--test=sync_mutex",
    "--test=sync_mutex_owned",
    "--test=sync_notify",
    "--test=sync_once_cell",
    "--test=sync_oneshot",
    "--test=sync_rwlock",
    "--test=sync_semaphore",
    "--test=sync_semaphore_owned",
    "--test=sync_watch",
    "--test=rt_common",
    "--test=rt_threaded",
    "--test=task_abort",
    "--test=task_blocking",
    "--test=task_join_set",
];

impl Suite {
    const fn new(name: &'static str, requirement: &'static str) -> Self {
        Suite {
            name,
            requirement,
            features: "",
            targets: LIB_AND_TESTS,
            opt_level: 0,
            skipped: &[],
            note: "",
        }
    }

    /// For suites that do millions of small things: unoptimised, they take minutes even natively, or nearly so.
    const fn optimised(self) -> Self {
        Suite { opt_level: 2, ..self }
    }

    const fn features(self, features: &'static str) -> Self {
        Suite { features, ..self }
    }

    const fn targets(self, targets: &'static [&'static str]) -> Self {
        Suite { targets, ..self }
    }

    const fn skip(self, skipped: &'static [Skip]) -> Self {
        Suite { skipped, ..self }
    }

    const fn note(self, note: &'static str) -> Self {
        Suite { note, ..self }
    }
}

/// All of them.
pub static SUITES: &[Suite] = &[
    Suite::new("crossbeam-channel", "0.5"),
    Suite::new("parking_lot", "0.13"),
    Suite::new("dashmap", "6"),
    Suite::new("once_cell", "1").skip(&[
        Skip {
            test: "sync_once_cell::get_or_init_stress",
            reason: "1,000 threads meet at 1,000 barriers: minutes on two cores, natively too",
        },
        Skip { test: "sync_once_cell::reentrant_init", reason: "starts an example that is not published" },
    ]),
    Suite::new("flume", "0.12"),
    Suite::new("crossbeam-deque", "0.8"),
    Suite::new("crossbeam-epoch", "0.9").optimised(),
    Suite::new("crossbeam-queue", "0.3").optimised(),
    Suite::new("crossbeam-utils", "0.8"),
    Suite::new("crossbeam-skiplist", "0.1").optimised(),
    Suite::new("rayon-core", "1").optimised().skip(&[
        Skip { test: "workers_stop", reason: "four million tasks for 22 threads" },
        Skip { test: "join_counter_overflow", reason: "half a million tasks one after another" },
    ]),
    Suite::new("rayon", "1").optimised(),
    Suite::new("concurrent-queue", "2"),
    Suite::new("async-channel", "2"),
    Suite::new("event-listener", "5"),
    Suite::new("async-lock", "3"),
    Suite::new("thread_local", "1"),
    Suite::new("arc-swap", "1"),
    Suite::new("sharded-slab", "0.1").skip(&[Skip {
        test: "reserved_bits_doesnt_leak",
        reason: "asks that the process' address space does not grow: the detector's own memory is in it",
    }]),
    Suite::new("left-right", "0.11"),
    Suite::new("papaya", "0.2").optimised(),
    Suite::new("scc", "3").optimised(),
    Suite::new("rtrb", "0.4").optimised(),
    Suite::new("spin", "0.12"),
    Suite::new("bytes", "1").skip(&[Skip {
        test: "advance_bytes_mut_remaining_capacity",
        reason: "millions of buffers, one after another in one thread",
    }]),
    Suite::new("futures-util", "0.3").targets(LIB).note("its integration tests are in another package"),
    Suite::new("triomphe", "0.1"),
    Suite::new("tokio", "1")
        .features("full,test-util")
        .targets(TOKIO)
        .skip(&[Skip {
            test: "many_multishot_futures",
            reason: "2.5 million messages through chains of 200 channels: minutes",
        }])
        .note("17 of its integration tests: sync, the runtime with several threads, and tasks"),
    Suite::new("moka", "0.12").features("sync").targets(LIB),
];
