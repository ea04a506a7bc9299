//! The initialiser leaves its pointer in a static, and a thread uses that without forcing the `LazyLock`.
use std::sync::LazyLock;
use std::thread;

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

static mut RAW: *const u64 = std::ptr::null();
static TABLE: LazyLock<Box<u64>> = LazyLock::new(|| {
    let table = Box::new(9);
    unsafe { RAW = &raw const *table }; // race: write
    table
});

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            let raw = unsafe { RAW }; // race: read
            assert!(!raw.is_null());
        });
        assert_eq!(**TABLE, 9);
        step::reach(1);
    });
}
