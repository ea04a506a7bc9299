//! A high-water mark raised by a relaxed `fetch_max` tells how far the log is written, and orders nothing.
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

static WRITTEN: AtomicI64 = AtomicI64::new(-1);
static mut LOG: [u64; 500] = [0; 500];
const RAISE: Ordering = Ordering::Relaxed;

fn written(at_least: i64) -> i64 {
    loop {
        let mark = WRITTEN.load(Ordering::Acquire);
        if mark >= at_least {
            return mark;
        }
        thread::yield_now();
    }
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            let last = written(4) as usize;
            let entry = unsafe { LOG[last] }; // race: read
            assert_eq!(entry, 4);
        });
        unsafe { LOG[4] = 4 }; // race: write
        WRITTEN.fetch_max(4, RAISE);
    });
}
