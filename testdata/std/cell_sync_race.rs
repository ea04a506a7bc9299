//! A `Cell` behind an unsound `Sync`.
use std::cell::Cell;
use std::thread;

struct Public(Cell<u64>);

// SAFETY: sound only if the threads take turns; that is what this program is about.
unsafe impl Sync for Public {}

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

static VALUE: Public = Public(Cell::new(0));

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            assert_eq!(VALUE.0.get(), 1); // race: read
        });
        VALUE.0.set(1); // race: write
        step::reach(1);
    });
}
