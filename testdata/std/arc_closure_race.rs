//! A closure shared by `Arc` changes a variable that it captured, in two threads.
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

impl Shared<u64> {
    fn get(&self) -> *mut u64 {
        self.0.get()
    }
}

fn main() {
    let total = Shared(UnsafeCell::new(0));
    let add: Arc<dyn Fn(u64) + Send + Sync> = Arc::new(move |n| {
        unsafe { *total.get() = n }; // race: write, write
    });
    let theirs = Arc::clone(&add);
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            theirs(2);
        });
        add(1);
        step::reach(1);
    });
}
