//! A high-water mark raised by `fetch_max` with release tells how far the log is written.
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;

static WRITTEN: AtomicI64 = AtomicI64::new(-1);
static mut LOG: [u64; 500] = [0; 500];
const RAISE: Ordering = Ordering::Release;

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
        for _ in 0..2 {
            s.spawn(|| {
                let mut next = 0;
                while next < 500 {
                    for i in next..=written(next) {
                        let entry = unsafe { LOG[i as usize] };
                        assert_eq!(entry, i as u64);
                        next = i + 1;
                    }
                }
            });
        }
        for i in 0..500 {
            unsafe { LOG[i] = i as u64 };
            WRITTEN.fetch_max(i as i64, RAISE);
        }
    });
}
