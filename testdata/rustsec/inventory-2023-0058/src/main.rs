//! RUSTSEC-2023-0058: `inventory::iter` gives references to values that are not `Sync` to any thread.
//!
//! Two threads find the same `Cell` by it. Both set it, in memory that `inventory::submit` allocated.
//@ frame: inventory::

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

struct Plugin(Cell<u32>);

inventory::collect!(Plugin);
inventory::submit! { Plugin(Cell::new(0)) }

fn main() {
    let thread = thread::spawn(|| {
        inventory::iter::<Plugin>.into_iter().next().unwrap().0.set(1);
        FIRST.store(true, Ordering::Relaxed);
    });
    while !FIRST.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    inventory::iter::<Plugin>.into_iter().next().unwrap().0.set(2);
    thread.join().unwrap();
}
