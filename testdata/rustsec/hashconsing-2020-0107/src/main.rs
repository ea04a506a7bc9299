//! RUSTSEC-2020-0107: `HConsed<T>` is `Send` and `Sync` for every `T`.
//!
//! A shared term with a `Cell` in it is changed by two threads: both write the cell, in memory that
//! `HConsign::mk` allocated.
//@ frame: hashconsing::

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use hashconsing::{HConsign, HashConsign};

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term(Cell<u32>);

impl Hash for Term {
    fn hash<H: Hasher>(&self, state: &mut H) {
        0.hash(state);
    }
}

fn main() {
    let mut factory = HConsign::empty();
    let term = factory.mk(Term(Cell::new(0)));
    let theirs = term.clone();
    let thread = thread::spawn(move || {
        theirs.0.set(1);
        FIRST.store(true, Ordering::Relaxed);
    });
    while !FIRST.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    term.0.set(2);
    thread.join().unwrap();
}
