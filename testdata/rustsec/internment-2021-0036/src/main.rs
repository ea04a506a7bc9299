//! RUSTSEC-2021-0036: `Intern<T>` is `Send` and `Sync` for every `T`.
//!
//! Two threads hold the same interned value. Both set the `Cell` in it, in memory that `Intern::new`
//! allocated.
//@ frame: Intern<

use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use internment::Intern;

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);

#[derive(PartialEq, Eq)]
struct Value(Cell<u32>);

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        0.hash(state);
    }
}

fn main() {
    let value = Intern::new(Value(Cell::new(0)));
    let thread = thread::spawn(move || {
        value.0.set(1);
        FIRST.store(true, Ordering::Relaxed);
    });
    while !FIRST.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    value.0.set(2);
    thread.join().unwrap();
}
