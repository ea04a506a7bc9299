//! A block is freed by one thread after another wrote into it, without an edge between the two.
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
    let mut block = Box::new([0u64; 4]);
    let field = &raw mut block[3];
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            drop(block); // race: free
        });
        unsafe { field.write(1) }; // race: write
        step::reach(1);
    });
}
