//! A value made at first use by whoever wins a compare-exchange, and released by a second state.
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

const EMPTY: u8 = 0;
const MAKING: u8 = 1;
const READY: u8 = 2;
static STATE: AtomicU8 = AtomicU8::new(EMPTY);
static mut VALUE: u64 = 0;
const DONE: Ordering = Ordering::Release;

fn value() -> u64 {
    if STATE.compare_exchange(EMPTY, MAKING, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        unsafe { VALUE = 11 };
        STATE.store(READY, DONE);
    }
    while STATE.load(Ordering::Acquire) != READY {
        thread::yield_now();
    }
    unsafe { VALUE }
}

fn main() {
    thread::scope(|s| {
        for _ in 0..8 {
            s.spawn(|| (0..50).for_each(|_| assert_eq!(value(), 11)));
        }
    });
}
