//! The parent reads before the scope's end: spawning alone orders nothing that the child does.
use std::thread;

static mut PARTS: [u64; 4] = [0; 4];

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
            unsafe { PARTS[1] = 1 }; // race: write
            step::reach(1);
            step::wait(2);
        });
        step::wait(1);
        let part = unsafe { PARTS[1] }; // race: read
        assert_eq!(part, 1);
        step::reach(2);
    });
}
