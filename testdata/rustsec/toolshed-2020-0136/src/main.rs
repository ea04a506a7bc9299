//! RUSTSEC-2020-0136: `CopyCell<T>` is `Send` for every `T`.
//!
//! A cell with a reference to another cell in it takes that one to another thread, where it is written by
//! `CopyCell::set` while the main thread reads it by `CopyCell::get`.
//@ frame: CopyCell<

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use toolshed::CopyCell;

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

fn main() {
    let shared = CopyCell::new(0);
    let carrier = CopyCell::new(&shared);
    thread::scope(|scope| {
        let thread = scope.spawn(move || {
            let carrier = carrier;
            carrier.get().set(1);
            FIRST.store(true, Ordering::Relaxed);
        });
        while !FIRST.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        assert_eq!(shared.get(), 1);
        thread.join().unwrap();
    });
}
