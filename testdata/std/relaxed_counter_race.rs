//! Workers count themselves done relaxed, and the reader takes the full count for a permission.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

static DONE: AtomicUsize = AtomicUsize::new(0);
static mut TABLE: [u64; 4] = [0; 4];

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
        for i in 0..4 {
            s.spawn(move || {
                if i == 2 {
                    unsafe { TABLE[2] = 1 }; // race: write
                }
                DONE.fetch_add(1, Ordering::Relaxed);
                step::wait(1);
            });
        }
        while DONE.load(Ordering::Relaxed) < 4 {
            thread::yield_now();
        }
        let entry = unsafe { TABLE[2] }; // race: read
        assert_eq!(entry, 1);
        step::reach(1);
    });
}
