//! RUSTSEC-2022-0006: the iterators of `ThreadLocal` load the pointer to a bucket with `Relaxed`.
//!
//! A thread adds the first value of a bucket, and `ThreadLocal::iter` in the main thread reads an entry
//! of it: its initialisation is not ordered before.
//@ frame: thread_local::RawIter::next

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use thread_local::ThreadLocal;

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

fn main() {
    let values = ThreadLocal::with_capacity(1);
    values.get_or(|| AtomicU32::new(0));
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            values.get_or(|| AtomicU32::new(1));
            FIRST.store(true, Ordering::Relaxed);
        });
        while !FIRST.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        assert_eq!(values.iter().count(), 2);
        thread.join().unwrap();
    });
}
