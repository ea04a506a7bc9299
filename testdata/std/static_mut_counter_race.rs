//! Two threads increment a `static mut`.
use std::thread;

static mut COUNT: u64 = 0;

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

fn bump() {
    unsafe { COUNT += 1 }; // race: any, write
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            bump();
        });
        bump();
        step::reach(1);
    });
    assert_eq!(unsafe { COUNT }, 2);
}
