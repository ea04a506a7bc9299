//! An option filled by one thread and looked at by another.
use std::thread;

static mut SLOT: Option<u32> = None;

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
            let filled = unsafe { matches!(SLOT, Some(_)) }; // race: read
            assert!(filled);
        });
        unsafe { SLOT = Some(3) }; // race: write
        step::reach(1);
    });
}
