//! A shared string grows in one thread while another reads its length.
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
    let text = Shared(UnsafeCell::new(String::with_capacity(64)));
    let text = &text;
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            let length = unsafe { &*text.0.get() }.len(); // race: read
            assert_eq!(length, 5);
        });
        let text = unsafe { &mut *text.0.get() };
        text.push_str("hello"); // race: write
        step::reach(1);
    });
}
