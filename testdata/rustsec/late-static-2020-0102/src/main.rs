//! RUSTSEC-2020-0102: `LateStatic<T>` is `Sync` for a `T` that is only `Send`.
//!
//! Two threads reach the same `Cell` through a static. Both set it. `LateStatic` only lends the reference:
//! no function of its own is there when the accesses happen, so that the stacks are those of this program.
//@ frame: late_static_2020_0102::main

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use late_static::LateStatic;

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);
static CELL: LateStatic<Cell<u32>> = LateStatic::new();

fn main() {
    // Nobody else has it yet, as `assign` demands.
    unsafe { LateStatic::assign(&CELL, Cell::new(0)) };
    let thread = thread::spawn(|| {
        CELL.set(1);
        FIRST.store(true, Ordering::Relaxed);
    });
    while !FIRST.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    CELL.set(2);
    thread.join().unwrap();
}
