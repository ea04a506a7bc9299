//! Upgraded `Weak`s see what was written before they were made, until the last owner drops.
use std::cell::UnsafeCell;
use std::sync::Arc;
use std::thread;

/// A cell that any thread may use and that orders nothing.
struct Shared<T>(UnsafeCell<T>);

// SAFETY: whether its uses are ordered is what this program is about.
unsafe impl<T> Sync for Shared<T> {}

fn main() {
    for round in 0..60 {
        let owner = Arc::new(Shared(UnsafeCell::new(0)));
        unsafe { *owner.0.get() = round };
        let weak = Arc::downgrade(&owner);
        thread::scope(|s| {
            for _ in 0..3 {
                let weak = weak.clone();
                s.spawn(move || {
                    for _ in 0..20 {
                        let Some(strong) = weak.upgrade() else { break };
                        assert_eq!(unsafe { *strong.0.get() }, round);
                    }
                });
            }
            thread::yield_now();
            drop(owner);
        });
    }
}
