//! RUSTSEC-2020-0127: `SyncRef<T>` is `Sync` for every `T`, although it is a `RefCell`.
//!
//! `SyncRef`'s derived `Clone` borrows the cell in two threads: both count their borrow.
//@ frame: v9::util::SyncRef<

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;

use v9::util::SyncRef;

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

fn main() {
    let shared = Arc::new(SyncRef::new(0));
    let theirs = Arc::clone(&shared);
    let thread = thread::spawn(move || {
        let _ = SyncRef::clone(&theirs);
        FIRST.store(true, Ordering::Relaxed);
    });
    while !FIRST.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    let _ = SyncRef::clone(&shared);
    thread.join().unwrap();
}
