//! RUSTSEC-2020-0092: the cache `Arc<K, V>` (later `ARCache`) is `Send` and `Sync` for every `K` and `V`.
//!
//! Two threads find the same `Cell` by read transactions. Both set it, in memory that the cache allocated.
//@ frame: concread::

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;

use concread::cache::arc;

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

fn main() {
    let cache = Arc::new(arc::Arc::<u32, Cell<u32>>::new_size(16, 4));
    let mut write = cache.write();
    write.insert(1, Cell::new(0));
    write.commit();

    let read = cache.read();
    let mine = read.get(&1).unwrap();
    let theirs = Arc::clone(&cache);
    let thread = thread::spawn(move || {
        theirs.read().get(&1).unwrap().set(1);
        FIRST.store(true, Ordering::Relaxed);
    });
    while !FIRST.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    mine.set(2);
    thread.join().unwrap();
}
