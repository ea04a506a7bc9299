//! RUSTSEC-2020-0099: `Aovec<T>` is `Send` and `Sync` for every `T`.
//!
//! Two threads reach the same `Cell` through a shared vector. Its two `set`s race, on memory that
//! `Aovec::push` allocated.
//@ frame: Aovec<

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

fn main() {
    let cells = Arc::new(aovec::Aovec::new(4));
    cells.push(Cell::new(0));
    let theirs = Arc::clone(&cells);
    let thread = thread::spawn(move || {
        theirs.get(0).unwrap().set(1);
        FIRST.store(true, Ordering::Relaxed);
    });
    while !FIRST.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    // No `get` here: the lock in it would order this after the other thread's.
    unsafe { cells.get_unchecked(0) }.set(2);
    thread.join().unwrap();
}
