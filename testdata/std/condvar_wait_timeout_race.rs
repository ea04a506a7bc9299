//! The wait times out, and the thread reads as if it had been notified.
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Duration;

static DONE: Mutex<u32> = Mutex::new(0);
static CHANGED: Condvar = Condvar::new();
static mut RESULT: u64 = 0;

/// Fixes the order in real time. Relaxed, so that no happens-before edge comes with it.
mod step {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    static NOW: AtomicU32 = AtomicU32::new(0);

    pub fn reach(step: u32) {
        NOW.store(step, Relaxed);
    }

    pub fn wait(step: u32) {
        while NOW.load(Relaxed) < step {
            std::thread::yield_now();
        }
    }
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            let done = DONE.lock().unwrap();
            let (done, timeout) = CHANGED.wait_timeout(done, Duration::from_millis(1)).unwrap();
            drop(done);
            step::reach(1);
            step::wait(2);
            let result = unsafe { RESULT }; // race: read
            assert!(timeout.timed_out() && result == 1);
            step::reach(3);
        });
        step::wait(1);
        unsafe { RESULT = 1 }; // race: write
        step::reach(2);
        step::wait(3);
        *DONE.lock().unwrap() = 1;
        CHANGED.notify_all();
    });
}
