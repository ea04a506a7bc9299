//! A spin lock: acquire to take it, release to give it back.
use std::hint;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

static LOCKED: AtomicBool = AtomicBool::new(false);
static mut COUNT: u64 = 0;
const UNLOCK: Ordering = Ordering::Release;

fn lock() {
    while LOCKED.swap(true, Ordering::Acquire) {
        while LOCKED.load(Ordering::Relaxed) {
            hint::spin_loop();
            thread::yield_now();
        }
    }
}

fn unlock() {
    LOCKED.store(false, UNLOCK);
}

fn main() {
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                for _ in 0..200 {
                    lock();
                    unsafe { COUNT += 1 };
                    unlock();
                }
            });
        }
    });
    assert_eq!(unsafe { COUNT }, 600);
}
