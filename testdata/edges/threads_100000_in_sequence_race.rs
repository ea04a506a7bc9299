//! A hundred thousand threads come and go between a write and a write that race.
//@ slow
use std::thread;

const THREADS: u64 = 100_000;
static mut COUNT: u64 = 0;

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
    let early = thread::spawn(|| {
        unsafe { COUNT = 1 }; // race: write
        step::reach(1);
        step::wait(2);
    });
    step::wait(1);
    for _ in 0..THREADS {
        thread::spawn(|| ()).join().unwrap();
    }
    unsafe { COUNT = 2 }; // race: write
    step::reach(2);
    early.join().unwrap();
    assert_eq!(unsafe { COUNT }, 2);
}
