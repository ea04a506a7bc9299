//! A spin lock whose unlock is relaxed.
use std::hint;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

static LOCKED: AtomicBool = AtomicBool::new(false);
static mut COUNT: u64 = 0;
const UNLOCK: Ordering = Ordering::Relaxed;

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
    lock();
    thread::scope(|s| {
        s.spawn(|| {
            lock();
            let count = unsafe { COUNT }; // race: read
            assert_eq!(count, 1);
            unlock();
        });
        unsafe { COUNT = 1 }; // race: write
        unlock();
    });
}
