//! The same amount of work for each thread, by more and more threads.
use std::hint::black_box;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::small::in_threads;

/// What all threads of a run do together, in total.
const WORK: usize = 2_000_000;

/// Runs the kernel `name` in so many threads.
pub fn run(name: &str, threads: usize) {
    let each = WORK / threads;
    match name {
        "lock" => {
            let total = Mutex::new(0u64);
            in_threads(threads, move |_| (0..each).for_each(|_| *total.lock().unwrap() += 1));
        }
        "atomic" => {
            let total = AtomicU64::new(0);
            in_threads(threads, move |_| {
                (0..each).for_each(|_| {
                    total.fetch_add(1, Ordering::AcqRel);
                });
            });
        }
        "read_shared" => {
            let table = vec![3u64; 4096];
            in_threads(threads, move |me| {
                black_box((0..each * 8).map(|i| table[(i * 7 + me) % 4096]).sum::<u64>());
            });
        }
        // One thread after the other, so many: what is the cost of a join when many are gone?
        "joins" => {
            (0..threads).for_each(|i| std::thread::spawn(move || black_box(i)).join().map(drop).unwrap())
        }
        _ => panic!("no kernel is called {name}"),
    }
}
