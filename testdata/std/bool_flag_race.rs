//! A stop flag that is a plain bool.
use std::thread;

static mut STOP: bool = false;

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
            let stop = unsafe { STOP }; // race: read
            assert!(stop);
        });
        unsafe { STOP = true }; // race: write
        step::reach(1);
    });
}
