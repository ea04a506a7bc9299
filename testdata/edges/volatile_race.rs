//! Volatile accesses are not atomic: two of them race like any others.
use std::thread;

static mut REGISTER: u32 = 0;

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
            let value = unsafe { (&raw const REGISTER).read_volatile() }; // race: read
            assert_eq!(value, 1);
        });
        unsafe { (&raw mut REGISTER).write_volatile(1) }; // race: write
        step::reach(1);
    });
}
