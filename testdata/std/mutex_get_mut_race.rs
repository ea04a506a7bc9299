//! The content is taken by `get_mut` through a pointer while another thread has just used the lock; `get_mut` locks nothing.
use std::cell::UnsafeCell;
use std::sync::Mutex;
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

static LOCK: Shared<Mutex<u64>> = Shared(UnsafeCell::new(Mutex::new(0)));

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            let value = unsafe { &mut *LOCK.0.get() }.get_mut().unwrap();
            *value = 2; // race: write
        });
        let mut guard = unsafe { &*LOCK.0.get() }.lock().unwrap();
        *guard = 1; // race: write
        drop(guard);
        step::reach(1);
    });
}
