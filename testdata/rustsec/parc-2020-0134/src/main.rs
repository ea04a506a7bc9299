//! RUSTSEC-2020-0134: `LockWeak<T>` is `Send` for every `T`.
//!
//! A `LockWeak` takes a `Cell` to another thread. Both threads set it, in memory that `ParentArc::new`
//! allocated.
//@ frame: parc::

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use parc::ParentArc;

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

fn main() {
    let parent = ParentArc::new(Cell::new(0));
    let weak = ParentArc::downgrade(&parent);
    let thread = thread::spawn(move || {
        let child = weak.upgrade().unwrap();
        child.set(1);
        FIRST.store(true, Ordering::Relaxed);
    });
    while !FIRST.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    parent.set(2);
    thread.join().unwrap();
}
