//! A write far into a block, and the free of the block by another thread.
use std::hint::black_box;
use std::thread;

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
    let mut block = black_box(vec![0u8; 100_000]);
    let far = black_box(&raw mut block[70_001]);
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            drop(block); // race: free
        });
        unsafe { far.write(1) }; // race: write
        step::reach(1);
    });
}
