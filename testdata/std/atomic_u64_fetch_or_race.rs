//! A set of ready bits: the reader looks for both but one of them was set relaxed.
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

static READY: AtomicU64 = AtomicU64::new(0);
static mut PARTS: [u64; 8] = [0; 8];

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
            while READY.load(Ordering::Acquire) != 0b11 {
                thread::yield_now();
            }
            step::wait(2);
            let part = unsafe { PARTS[1] }; // race: read
            assert_eq!(part, 1);
            step::reach(3);
        });
        s.spawn(|| {
            READY.fetch_or(0b01, Ordering::Release);
            step::reach(1);
        });
        step::wait(1);
        unsafe { PARTS[1] = 1 }; // race: write
        READY.fetch_or(0b10, Ordering::Relaxed);
        step::reach(2);
        step::wait(3);
    });
}
