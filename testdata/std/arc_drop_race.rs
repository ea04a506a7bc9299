//! A thread drops its `Arc` and then writes through a pointer that it kept; the last owner frees the block.
use std::cell::UnsafeCell;
use std::sync::Arc;
use std::thread;

/// A cell that any thread may use and that orders nothing.
struct Shared<T>(UnsafeCell<T>);

// SAFETY: whether its uses are ordered is what this program is about.
unsafe impl<T> Sync for Shared<T> {}

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
    let mine = Arc::new(Shared(UnsafeCell::new(0u64)));
    let theirs = Arc::clone(&mine);
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            drop(theirs); // race: free
        });
        let kept = mine.0.get();
        drop(mine);
        unsafe { *kept = 1 }; // race: write
        step::reach(1);
    });
}
