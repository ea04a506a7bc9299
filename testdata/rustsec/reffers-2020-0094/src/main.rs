//! RUSTSEC-2020-0094: `ARefss<U>` is `Send` and `Sync` for every target `U`.
//!
//! Its `map` may lead to a target that is neither. Two threads reach the same `Cell` through it, and
//! `ARefss::map` has written what the other thread reads.
//@ frame: reffers::

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;

use reffers::ARefss;

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

/// Debug output that counts how often it was asked for.
struct Counting(Cell<u32>);

impl std::fmt::Debug for Counting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.set(self.0.get() + 1);
        write!(f, "{}", self.0.get())
    }
}

fn main() {
    let leaked: ARefss<'static, Counting> =
        ARefss::new(Box::new(())).map(|_| &*Box::leak(Box::new(Counting(Cell::new(0)))));
    let shared = Arc::new(leaked);
    let theirs = Arc::clone(&shared);
    let thread = thread::spawn(move || {
        let _ = format!("{theirs:?}");
        FIRST.store(true, Ordering::Relaxed);
    });
    while !FIRST.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    let _ = format!("{shared:?}");
    thread.join().unwrap();
}
