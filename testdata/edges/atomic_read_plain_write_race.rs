//! An atomic load, and a plain write that it is not ordered with.
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

static VALUE: AtomicU32 = AtomicU32::new(0);

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
            unsafe { VALUE.as_ptr().write(2) }; // race: write
        });
        assert_eq!(VALUE.load(Ordering::SeqCst), 0); // race: atomic read
        step::reach(1);
    });
}
