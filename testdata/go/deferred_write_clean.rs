//! A guard writes when its scope ends, and the scope tells after that.
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

static DONE: AtomicU64 = AtomicU64::new(0);
static mut TOTAL: u64 = 0;

struct WriteAtEnd(u64);

impl Drop for WriteAtEnd {
    fn drop(&mut self) {
        unsafe { TOTAL = self.0 };
    }
}

fn main() {
    for round in 1..=60 {
        thread::scope(|s| {
            for _ in 0..2 {
                s.spawn(move || {
                    while DONE.load(Ordering::Acquire) < round {
                        thread::yield_now();
                    }
                    let total = unsafe { TOTAL };
                    assert_eq!(total, round);
                });
            }
            drop(WriteAtEnd(round));
            DONE.store(round, Ordering::Release);
        });
    }
}
