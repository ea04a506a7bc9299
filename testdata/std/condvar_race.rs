//! The consumer watches a relaxed flag in place of the condition variable's lock.
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Condvar, Mutex};
use std::thread;

static READY: Mutex<bool> = Mutex::new(false);
static CHANGED: Condvar = Condvar::new();
static mut ITEM: u64 = 0;
static HINT: AtomicBool = AtomicBool::new(false);

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            while !HINT.load(Relaxed) {
                thread::yield_now();
            }
            let item = unsafe { ITEM }; // race: read
            assert_eq!(item, 1);
        });
        unsafe { ITEM = 1 }; // race: write
        *READY.lock().unwrap() = true;
        CHANGED.notify_one();
        HINT.store(true, Relaxed);
    });
}
