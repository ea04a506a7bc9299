//! `try_unwrap` gives the value out when the other owner is gone, but that one writes on through a pointer.
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
    let kept = mine.0.get();
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            let value = Arc::try_unwrap(theirs); // race: read
            assert!(value.is_ok_and(|v| v.0.into_inner() == 1));
        });
        drop(mine);
        unsafe { *kept = 1 }; // race: write
        step::reach(1);
    });
}
