//! A lookup in a map into which another thread has just inserted.
use std::cell::UnsafeCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
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

type Map = HashMap<u64, u64, BuildHasherDefault<DefaultHasher>>;

fn main() {
    let mut map = Map::default();
    map.reserve(16);
    let map = &Shared(UnsafeCell::new(map));
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            let count = unsafe { &*map.0.get() }.len(); // race: read
            assert_eq!(count, 1);
        });
        unsafe { &mut *map.0.get() }.insert(1, 10); // race: write
        step::reach(1);
    });
}
