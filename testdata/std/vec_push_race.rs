//! Two threads push into one vector: its length races.
use std::cell::UnsafeCell;
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
    let list = Shared(UnsafeCell::new(Vec::with_capacity(8)));
    let list = &list;
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            let list = unsafe { &mut *list.0.get() };
            list.push(2u64); // race: read
        });
        unsafe { &mut *list.0.get() }.push(1); // race: write
        step::reach(1);
    });
    assert_eq!(unsafe { &*list.0.get() }, &[1, 2]);
}
