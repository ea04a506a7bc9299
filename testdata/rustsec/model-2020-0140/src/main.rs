//! RUSTSEC-2020-0140: `Shared<T>` is `Send` and `Sync` for every `T`.
//!
//! Two threads hold copies of a `Shared<Cell<u32>>`. Both set the cell, in memory that `Shared::new`
//! allocated.
//@ frame: Shared<

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use model::Shared;

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

fn main() {
    let shared = Shared::new(Cell::new(0));
    let thread = thread::spawn(move || {
        shared.set(1);
        FIRST.store(true, Ordering::Relaxed);
    });
    while !FIRST.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    shared.set(2);
    thread.join().unwrap();
}
