//! A box's content is changed after another thread got a reference to it.
use std::thread;

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
    let mut object = Box::new([0u64; 6]);
    let pointer = &raw mut *object;
    let shared: &[u64; 6] = unsafe { &*pointer };
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            assert_eq!(shared[4], 1); // race: read
        });
        unsafe { (*pointer)[4] = 1 }; // race: write
        step::reach(1);
    });
}
