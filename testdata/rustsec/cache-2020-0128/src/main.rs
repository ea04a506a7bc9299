//! RUSTSEC-2020-0128: `Cache<K>` is `Send` and `Sync` for every `K`, and holds values of every type.
//!
//! Two threads find the same `Cell` in a cache. Both set it, in memory that `Cache::new` allocated.
//@ frame: cache::

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;

use cache::Cache;

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

fn main() {
    let cache = Arc::new(Cache::new(1, 4096));
    drop(cache.insert(1, Cell::new(0u32)));
    let mine = cache.get::<Cell<u32>>(&1).unwrap();
    let theirs = Arc::clone(&cache);
    let thread = thread::spawn(move || {
        theirs.get::<Cell<u32>>(&1).unwrap().set(1);
        FIRST.store(true, Ordering::Relaxed);
    });
    while !FIRST.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    mine.set(2);
    thread.join().unwrap();
}
