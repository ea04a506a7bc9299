//! Each thread takes a lock, but not the same one.
use std::sync::Mutex;
use std::thread;

static LEFT: Mutex<()> = Mutex::new(());
static RIGHT: Mutex<()> = Mutex::new(());
static mut SUM: u64 = 0;

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
            let _right = RIGHT.lock().unwrap();
            unsafe { SUM = 2 }; // race: write
        });
        let left = LEFT.lock().unwrap();
        unsafe { SUM = 1 }; // race: write
        drop(left);
        step::reach(1);
    });
    assert_eq!(unsafe { SUM }, 2);
}
