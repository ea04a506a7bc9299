//! `upgrade` takes part in the ownership, but not in what the owner writes afterwards.
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
    let owner = Arc::new(Shared(UnsafeCell::new(0u64)));
    let weak = Arc::downgrade(&owner);
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            let strong = weak.upgrade().unwrap();
            let value = unsafe { *strong.0.get() }; // race: read
            assert_eq!(value, 1);
        });
        unsafe { *owner.0.get() = 1 }; // race: write
        step::reach(1);
    });
}
