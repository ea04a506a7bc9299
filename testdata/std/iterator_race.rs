//! A thread pushes into a vector that another has begun to iterate.
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
    let mut list = Vec::with_capacity(8);
    list.extend([1u64, 2, 3]);
    let list = &Shared(UnsafeCell::new(list));
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            unsafe { &mut *list.0.get() }.push(4); // race: write
        });
        let list = unsafe { &*list.0.get() };
        let mut numbers = list.iter(); // race: read
        assert_eq!(numbers.next(), Some(&1));
        step::reach(1);
    });
}
