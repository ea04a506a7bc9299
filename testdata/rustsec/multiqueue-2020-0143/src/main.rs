//! RUSTSEC-2020-0143: the queue's inner sender and receiver are `Send` for every `T`.
//!
//! The futures' ends have no bound of their own: they carry an `Rc`'s clones to another thread. The
//! receiver clones what was sent, in its thread, while the main thread still counts.
//@ frame: multiqueue::

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

struct Counting(&'static Cell<u32>);

impl Clone for Counting {
    fn clone(&self) -> Self {
        self.0.set(self.0.get() + 1);
        Counting(self.0)
    }
}

fn main() {
    let count: &'static Cell<u32> = Box::leak(Box::new(Cell::new(0)));
    let (sender, receiver) = multiqueue::broadcast_fut_queue(4);
    assert!(sender.try_send(Counting(count)).is_ok());
    let thread = thread::spawn(move || {
        assert!(receiver.try_recv().is_ok());
        FIRST.store(true, Ordering::Relaxed);
    });
    while !FIRST.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    assert_ne!(count.get(), 0);
    thread.join().unwrap();
    drop(sender);
}
