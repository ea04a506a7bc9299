//! Each thread raises its flag and looks for the other's; the SeqCst fence between the two is missing on one side.
use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::thread;

static FLAGS: [AtomicU32; 2] = [AtomicU32::new(0), AtomicU32::new(0)];
static mut INSIDE: u64 = 0;

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
            FLAGS[1].store(1, Ordering::Relaxed);
            step::wait(1);
            if FLAGS[0].load(Ordering::Relaxed) == 0 {
                unsafe { INSIDE = 2 }; // race: write
            }
        });
        FLAGS[0].store(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        unsafe { INSIDE = 1 }; // race: write
        FLAGS[0].store(0, Ordering::Relaxed);
        step::reach(1);
    });
    assert_eq!(unsafe { INSIDE }, 2);
}
