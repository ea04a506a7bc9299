//! A value made at first use behind a relaxed flag.
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

const EMPTY: u8 = 0;
const MAKING: u8 = 1;
const READY: u8 = 2;
static STATE: AtomicU8 = AtomicU8::new(EMPTY);
static mut VALUE: u64 = 0;
const DONE: Ordering = Ordering::Relaxed;

fn value() -> u64 {
    if STATE.compare_exchange(EMPTY, MAKING, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        unsafe { VALUE = 11 }; // race: write
        STATE.store(READY, DONE);
    }
    while STATE.load(Ordering::Acquire) != READY {
        thread::yield_now();
    }
    unsafe { VALUE } // race: read
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            while STATE.load(Ordering::Relaxed) == EMPTY {
                thread::yield_now();
            }
            assert_eq!(value(), 11);
        });
        value();
    });
}
