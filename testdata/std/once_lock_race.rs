//! The owner changes the object after it was published: what `get` orders ended with `set`.
use std::cell::UnsafeCell;
use std::sync::OnceLock;
use std::thread;

/// A cell that any thread may use and that orders nothing.
struct Shared<T>(UnsafeCell<T>);

// SAFETY: whether its uses are ordered is what this program is about.
unsafe impl<T> Sync for Shared<T> {}

static OBJECT: OnceLock<Shared<[u64; 3]>> = OnceLock::new();

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
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            let object = OBJECT.get().unwrap();
            let field = unsafe { (*object.0.get())[1] }; // race: read
            assert_eq!(field, 5);
        });
        let object = OBJECT.get_or_init(|| Shared(UnsafeCell::new([0; 3])));
        unsafe { (*object.0.get())[1] = 5 }; // race: write
        step::reach(1);
    });
}
