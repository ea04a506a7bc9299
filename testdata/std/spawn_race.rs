//! The parent writes after the spawn: the child is ordered only after what came before.
use std::thread;

static mut INPUT: u64 = 0;

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
    let child = thread::spawn(|| {
        step::wait(1);
        let input = unsafe { INPUT }; // race: read
        assert_eq!(input, 1);
    });
    unsafe { INPUT = 1 }; // race: write
    step::reach(1);
    child.join().unwrap();
}
