//! RUSTSEC-2020-0090: `Thex<T>` is `Send` and `Sync` for every `T`.
//!
//! `Thex::clone` clones its value under a lock for reading, here in two threads at the same time. The
//! value is not `Sync`: its own `clone` counts in a `Cell`.
//@ frame: thex::Thex<

use std::cell::Cell;
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;
use std::thread;

use stable_deref_trait::StableDeref;
use thex::Thex;

/// How many clone. Both do at the same time, each with the lock, so that no release of it orders one after
/// the other.
static CLONING: AtomicU32 = AtomicU32::new(0);

#[derive(Debug)]
struct Counting(Box<Cell<u32>>);

impl Deref for Counting {
    type Target = Cell<u32>;
    fn deref(&self) -> &Cell<u32> {
        &self.0
    }
}

// SAFETY: what a box holds stays where it is when the box is moved.
unsafe impl StableDeref for Counting {}

impl Clone for Counting {
    fn clone(&self) -> Self {
        CLONING.fetch_add(1, Ordering::Relaxed);
        while CLONING.load(Ordering::Relaxed) < 2 {
            thread::yield_now();
        }
        self.0.set(self.0.get() + 1);
        Counting(self.0.clone())
    }
}

fn main() {
    let shared = Arc::new(Thex::new(Counting(Box::new(Cell::new(0)))));
    let theirs = Arc::clone(&shared);
    let thread = thread::spawn(move || {
        drop(Thex::clone(&theirs));
    });
    drop(Thex::clone(&shared));
    thread.join().unwrap();
}
