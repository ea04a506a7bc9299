//! An array is copied as a whole while one of its elements changes.
use std::thread;

static mut ARRAY: [u32; 16] = [0; 16];

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
            let copy = unsafe { ARRAY }; // race: read
            assert_eq!(copy[13], 1);
        });
        unsafe { ARRAY[13] = 1 }; // race: write
        step::reach(1);
    });
}
