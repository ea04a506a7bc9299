//! RUSTSEC-2020-0096: `TreeFocus<A>`, and so `Focus<A>`, is `Send` and `Sync` for every `A`.
//!
//! A focus takes a vector of `Cell`s to another thread. It sets one there, and so does the main thread, in
//! memory that the vector allocated.
//@ frame: im::

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use im::vector::Focus;
use im::Vector;

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

fn main() {
    // More than one chunk, so that the focus is a tree's.
    let cells: Vector<Cell<u32>> = (0..1000).map(Cell::new).collect();
    let Focus::Full(mut focus) = cells.focus() else { panic!("the vector is too small for a tree") };
    thread::scope(|scope| {
        let thread = scope.spawn(move || {
            focus.get(500).unwrap().set(1);
            FIRST.store(true, Ordering::Relaxed);
        });
        while !FIRST.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        cells.get(500).unwrap().set(2);
        thread.join().unwrap();
    });
}
