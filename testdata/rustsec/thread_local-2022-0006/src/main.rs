//! RUSTSEC-2022-0006: the iterators of `ThreadLocal` load the pointer to a bucket with `Relaxed`.
//!
//! A thread allocates a bucket for two and fills its second place. `ThreadLocal::iter` in the main thread
//! finds the bucket and reads whether the first place is taken. That this was initialised is not ordered
//! before; only a place that is taken would order it.
//@ frame: thread_local::RawIter::next

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::Barrier;
use std::thread;

use thread_local::ThreadLocal;

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

fn main() {
    let values = ThreadLocal::with_capacity(1);
    // Threads are numbered as they come: 0 and 1 have a bucket each, 2 and 3 share one.
    values.get_or(|| AtomicU32::new(0));
    let (numbered, done) = (Barrier::new(2), Barrier::new(4));
    thread::scope(|scope| {
        for _ in 1..=2 {
            scope.spawn(|| {
                values.get();
                numbered.wait();
                done.wait();
            });
            numbered.wait();
        }
        scope.spawn(|| {
            values.get_or(|| AtomicU32::new(3));
            FIRST.store(true, Ordering::Relaxed);
            done.wait();
        });
        while !FIRST.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        assert_eq!(values.iter().count(), 2);
        done.wait();
    });
}
