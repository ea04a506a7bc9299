//! RUSTSEC-2020-0130: `Bunch<T>` is `Send` and `Sync` for every `T`, and `get` takes no lock.
//!
//! `Bunch::push` of one thread writes the lengths of the lanes that `Bunch::get` of another reads.
//@ frame: Bunch<

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

fn main() {
    let bunch = Arc::new(bunch::Bunch::new());
    let theirs = Arc::clone(&bunch);
    let thread = thread::spawn(move || {
        theirs.push(1);
        FIRST.store(true, Ordering::Relaxed);
    });
    while !FIRST.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    assert_eq!(*bunch.get(0), 1);
    thread.join().unwrap();
}
