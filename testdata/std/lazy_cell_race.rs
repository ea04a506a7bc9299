//! A `LazyCell` shared by an unsound `Sync`: the second thread takes the value from a flag that orders nothing.
use std::cell::LazyCell;
use std::thread;

struct Lazy(LazyCell<u64>);

// SAFETY: unsound if the cell is forced by two threads; that is what this program is about.
unsafe impl Sync for Lazy {}

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

static mut RUNS: u64 = 0;

fn main() {
    let lazy = Lazy(LazyCell::new(|| {
        unsafe { RUNS += 1 };
        42
    }));
    let lazy = &lazy;
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            assert_eq!(*lazy.0, 42); // race: read
        });
        assert_eq!(*lazy.0, 42); // race: write
        step::reach(1);
    });
}
