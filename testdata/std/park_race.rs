//! The token comes from a thread that did not do the work, so that the wake-up does not order the work.
use std::thread;

static mut WORK: u64 = 0;

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
        let sleeper = s.spawn(|| {
            thread::park();
            step::wait(2);
            let work = unsafe { WORK }; // race: read
            assert_eq!(work, 1);
            step::reach(3);
        });
        s.spawn(|| {
            step::wait(1);
            unsafe { WORK = 1 }; // race: write
            step::reach(2);
            step::wait(3);
        });
        sleeper.thread().unpark();
        step::reach(1);
    });
}
