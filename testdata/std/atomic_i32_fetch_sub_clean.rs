//! A countdown with release, whose waiter acquires what all of them released.
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;

static LEFT: AtomicI32 = AtomicI32::new(0);
static mut RESULTS: [u64; 3] = [0; 3];
const LOOK: Ordering = Ordering::Acquire;

fn wait_for_zero() {
    while LEFT.load(LOOK) != 0 {
        thread::yield_now();
    }
}

fn main() {
    for round in 1..=60 {
        LEFT.store(3, Ordering::Relaxed);
        thread::scope(|s| {
            for i in 0..3 {
                s.spawn(move || {
                    unsafe { RESULTS[i] = round };
                    LEFT.fetch_sub(1, Ordering::Release);
                });
            }
            wait_for_zero();
            let results = unsafe { RESULTS };
            assert_eq!(results, [round; 3]);
        });
    }
}
