//! A countdown with release, whose waiter loads relaxed.
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;

static LEFT: AtomicI32 = AtomicI32::new(0);
static mut RESULTS: [u64; 3] = [0; 3];
const LOOK: Ordering = Ordering::Relaxed;

fn wait_for_zero() {
    while LEFT.load(LOOK) != 0 {
        thread::yield_now();
    }
}

fn main() {
    LEFT.store(1, Ordering::Relaxed);
    thread::scope(|s| {
        s.spawn(|| {
            wait_for_zero();
            let result = unsafe { RESULTS[2] }; // race: read
            assert_eq!(result, 1);
        });
        unsafe { RESULTS[2] = 1 }; // race: write
        LEFT.fetch_sub(1, Ordering::Release);
    });
}
