//! RUSTSEC-2025-0023: `tokio::sync::broadcast` clones a value in several threads at once, although it asks
//! for `Send` only, not for `Sync`.
//!
//! Two receivers, each in a thread, get the same value. Its `clone`, called by `Receiver::try_recv`,
//! counts in a `Cell`.
//@ frame: tokio::sync::broadcast::

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use tokio::sync::broadcast;

/// How many have begun to clone. Both are in `clone` at the same time: each holds a read lock then, so
/// that no lock's release orders one after the other.
static CLONING: AtomicU32 = AtomicU32::new(0);

struct Counting(Cell<u32>);

impl Clone for Counting {
    fn clone(&self) -> Self {
        CLONING.fetch_add(1, Ordering::Relaxed);
        while CLONING.load(Ordering::Relaxed) < 2 {
            thread::yield_now();
        }
        self.0.set(self.0.get() + 1);
        Counting(Cell::new(0))
    }
}

fn main() {
    let (sender, mut first) = broadcast::channel(4);
    let mut second = sender.subscribe();
    assert!(sender.send(Counting(Cell::new(0))).is_ok());
    let thread = thread::spawn(move || {
        assert!(first.try_recv().is_ok());
        first
    });
    assert!(second.try_recv().is_ok());
    thread.join().unwrap();
}
