//! A guard writes when its scope ends, which is after the scope has told that it is done.
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

static DONE: AtomicU64 = AtomicU64::new(0);
static mut TOTAL: u64 = 0;

struct WriteAtEnd(u64);

impl Drop for WriteAtEnd {
    fn drop(&mut self) {
        unsafe { TOTAL = self.0 }; // race: write
    }
}

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
            while DONE.load(Ordering::Acquire) == 0 {
                thread::yield_now();
            }
            step::wait(1);
            let total = unsafe { TOTAL }; // race: read
            assert_eq!(total, 5);
        });
        {
            let _end = WriteAtEnd(5);
            DONE.store(1, Ordering::Release);
        }
        step::reach(1);
    });
}
