//! The last byte that a comparison of slices reads is written by another thread.
use std::hint::black_box;
use std::thread;

static mut LEFT: [u8; 100] = [1; 100];
static RIGHT: [u8; 100] = [1; 100];

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
            let left = unsafe { std::slice::from_raw_parts((&raw const LEFT).cast::<u8>(), 70) };
            let same = black_box(left) == black_box(&RIGHT[..70]); // race: read
            assert!(!same);
        });
        unsafe { (&raw mut LEFT).cast::<u8>().add(69).write(2) }; // race: write
        step::reach(1);
    });
}
