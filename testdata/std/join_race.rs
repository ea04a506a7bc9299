//! The parent joins one child and reads what the other wrote.
use std::thread;

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
    let writer = thread::spawn(|| {
        unsafe { RESULT = 1 }; // race: write
        step::reach(1);
        step::wait(2);
    });
    let other = thread::spawn(|| ());
    other.join().unwrap();
    step::wait(1);
    let result = unsafe { RESULT }; // race: read
    assert_eq!(result, 1);
    step::reach(2);
    writer.join().unwrap();
}
