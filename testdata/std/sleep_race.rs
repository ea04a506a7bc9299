//! A sleep makes the order likely, and is no edge.
use std::thread;
use std::time::{Duration, Instant};

static mut RESULT: u64 = 0;

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
            let start = Instant::now();
            thread::sleep(Duration::from_millis(5));
            step::wait(1);
            let result = unsafe { RESULT }; // race: read
            assert!(result == 1 && start.elapsed() >= Duration::from_millis(5));
        });
        unsafe { RESULT = 1 }; // race: write
        step::reach(1);
    });
}
