//! RUSTSEC-2020-0102: `LateStatic<T>` is `Sync` for a `T` that is only `Send`.
//!
//! Two threads print the same value, whose `Debug` counts in a `Cell`. The value is reached by
//! `LateStatic::deref`, and is a static of that type.
//@ frame: late_static::LateStatic<

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use late_static::LateStatic;

/// Orders the two accesses in time, but not by happens-before.
static FIRST: AtomicBool = AtomicBool::new(false);
static VALUE: LateStatic<u32> = LateStatic::new();

fn main() {
    let thread = thread::spawn(|| {
        unsafe { LateStatic::assign(&VALUE, 1) };
        FIRST.store(true, Ordering::Relaxed);
    });
    while !FIRST.load(Ordering::Relaxed) {
        thread::yield_now();
    }
    assert_eq!(*VALUE, 1);
    thread.join().unwrap();
}
