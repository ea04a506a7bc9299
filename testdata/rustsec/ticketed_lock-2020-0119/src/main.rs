//! RUSTSEC-2020-0119: `ReadTicket<T>` is `Send` for every `T`.
//!
//! Two tickets for reading hold at the same time, in two threads, and lead to the same `Cell`. Both set
//! it, in memory that `TicketedLock::new` allocated.
//@ frame: ticketed_lock::TicketedLock<

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ticketed_lock::TicketedLock;

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

fn main() {
    let mut lock = TicketedLock::new(Cell::new(0));
    let theirs = lock.read();
    let mine = lock.read().wait();
    let thread = thread::spawn(move || {
        theirs.wait().set(1);
        FIRST.store(true, Ordering::Relaxed);
    });
    while !FIRST.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    mine.set(2);
    thread.join().unwrap();
}
