//! Two threads count right and left in one struct; one of them resets both.
use std::thread;

#[repr(C)]
struct Counters {
    left: u32,
    right: u32,
}

static mut COUNTERS: Counters = Counters { left: 0, right: 0 };

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
            unsafe { COUNTERS.left = 1 };
            let right = unsafe { COUNTERS.right }; // race: read
            assert_eq!(right, 1);
        });
        unsafe { COUNTERS.right = 1 }; // race: write
        step::reach(1);
    });
    assert_eq!(unsafe { COUNTERS.left }, 1);
}
