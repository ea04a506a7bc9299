//! `split_at_mut` with one element too many, taken by a pointer.
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
    let mut numbers = [0u32; 8];
    let pointer = numbers.as_mut_ptr() as usize;
    let (left, right) = numbers.split_at_mut(4);
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            right[0] = 2; // race: write
        });
        left[3] = 1;
        unsafe { *(pointer as *mut u32).add(4) = 1 }; // race: write
        step::reach(1);
    });
    assert_eq!(numbers, [0, 0, 0, 1, 2, 0, 0, 0]);
}
