//! RUSTSEC-2022-0002: `Ref::value` and its like return references that outlive the lock.
//!
//! The main thread keeps a reference to a value after the guard is gone, and reads it while another
//! thread has inserted a new value in its place.
//@ frame: dashmap::

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use dashmap::DashMap;

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

fn main() {
    let map = DashMap::new();
    map.insert(1, 1);
    let value: &u32 = map.get(&1).unwrap().value();
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            map.insert(1, 2);
            FIRST.store(true, Ordering::Relaxed);
        });
        while !FIRST.load(Ordering::Relaxed) {
            thread::yield_now();
        }
        assert_eq!(*value, 2);
        thread.join().unwrap();
    });
}
