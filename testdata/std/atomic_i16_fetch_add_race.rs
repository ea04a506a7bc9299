//! The thread that counts itself as the last one to finish reads all results; the count is relaxed.
use std::sync::atomic::{AtomicI16, Ordering};
use std::thread;

static FINISHED: AtomicI16 = AtomicI16::new(0);
static mut RESULTS: [u64; 4] = [0; 4];
const COUNT: Ordering = Ordering::Relaxed;

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
            step::wait(1);
            if FINISHED.fetch_add(1, COUNT) == 1 {
                let result = unsafe { RESULTS[0] }; // race: read
                assert_eq!(result, 1);
            }
        });
        unsafe { RESULTS[0] = 1 }; // race: write
        FINISHED.fetch_add(1, COUNT);
        step::reach(1);
    });
}
