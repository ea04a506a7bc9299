//! RUSTSEC-2020-0090: `Thex<T>` is `Send` and `Sync` for every `T`.
//!
//! Its `Clone`, under a lock for reading only, clones the same `Rc` in two threads: both count it.
//@ frame: thex::Thex<

use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;
use std::thread;

use thex::Thex;

/// How many have the lock for reading. Both hold it when they clone, so that no release of it orders
/// one after the other.
static READING: AtomicU32 = AtomicU32::new(0);

fn clone_of(shared: &Thex<Rc<u32>>) -> Rc<u32> {
    let guard = shared.shared();
    READING.fetch_add(1, Ordering::Relaxed);
    while READING.load(Ordering::Relaxed) < 2 {
        thread::yield_now();
    }
    Rc::clone(&guard)
}

fn main() {
    let shared = Arc::new(Thex::new(Rc::new(1)));
    let theirs = Arc::clone(&shared);
    let thread = thread::spawn(move || {
        std::mem::forget(clone_of(&theirs));
    });
    std::mem::forget(clone_of(&shared));
    thread.join().unwrap();
}
