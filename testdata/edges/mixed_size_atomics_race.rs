//! An atomic word, and a plain read of one of its halves.
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;

static WORD: AtomicU64 = AtomicU64::new(0);

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
            let half = unsafe { WORD.as_ptr().cast::<AtomicU32>().cast::<u32>().add(1).read() }; // race: read
            assert_eq!(half, 1);
        });
        WORD.store(1 << 32, Ordering::Release); // race: atomic write
        step::reach(1);
    });
}
