//! Peterson's lock with a relaxed flag on the way out.
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

static WANTS: [AtomicBool; 2] = [AtomicBool::new(false), AtomicBool::new(false)];
static TURN: AtomicUsize = AtomicUsize::new(0);
static mut COUNT: u64 = 0;
const LEAVE: Ordering = Ordering::Relaxed;

fn lock(me: usize) {
    let other = 1 - me;
    WANTS[me].store(true, Ordering::SeqCst);
    TURN.store(other, Ordering::SeqCst);
    while WANTS[other].load(Ordering::SeqCst) && TURN.load(Ordering::SeqCst) == other {
        thread::yield_now();
    }
}

fn unlock(me: usize) {
    WANTS[me].store(false, LEAVE);
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
            lock(1);
            unsafe { COUNT = 2 }; // race: write
            unlock(1);
        });
        lock(0);
        unsafe { COUNT = 1 }; // race: write
        unlock(0);
        step::reach(1);
    });
    assert_eq!(unsafe { COUNT }, 2);
}
