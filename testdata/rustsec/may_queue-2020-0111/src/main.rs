//! RUSTSEC-2020-0111: `may_queue::mpsc_list::Queue<T>` is `Send` and `Sync` for every `T`.
//!
//! It is made for many producers and one consumer, but nothing keeps two threads from `pop`: the second
//! reads the tail pointer that the first has written.
//@ frame: may_queue::mpsc_list::Queue

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;

use may_queue::mpsc_list::Queue;

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

fn main() {
    let queue = Arc::new(Queue::new());
    queue.push(1);
    queue.push(2);
    let theirs = Arc::clone(&queue);
    let thread = thread::spawn(move || {
        assert_eq!(theirs.pop(), Some(1));
        FIRST.store(true, Ordering::Relaxed);
    });
    while !FIRST.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    assert_eq!(queue.pop(), Some(2));
    thread.join().unwrap();
}
