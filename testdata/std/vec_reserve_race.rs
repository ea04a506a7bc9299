//! A list grows in one thread while another wants room in it: what is written of the list itself is done by code that
//! std has compiled already.
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
    let list = Shared(UnsafeCell::new(Vec::<u64>::new()));
    let list = &list;
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            unsafe { &mut *list.0.get() }.reserve(100); // race: read
        });
        unsafe { &mut *list.0.get() }.reserve(10); // race: write
        step::reach(1);
    });
    assert!(unsafe { &*list.0.get() }.capacity() >= 100);
}
