//! Dekker's entry: the one who leaves clears its flag relaxed, and the next one gets in without an edge.
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

static FLAGS: [AtomicBool; 2] = [AtomicBool::new(false), AtomicBool::new(false)];
static mut COUNT: u64 = 0;
const LEAVE: Ordering = Ordering::Relaxed;

fn try_enter(me: usize) -> bool {
    FLAGS[me].store(true, Ordering::SeqCst);
    let free = !FLAGS[1 - me].load(Ordering::SeqCst);
    if !free {
        FLAGS[me].store(false, Ordering::SeqCst);
    }
    free
}

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
            assert!(try_enter(1));
            let count = unsafe { COUNT }; // race: read
            assert_eq!(count, 1);
        });
        assert!(try_enter(0));
        unsafe { COUNT = 1 }; // race: write
        FLAGS[0].store(false, LEAVE);
        step::reach(1);
    });
}
