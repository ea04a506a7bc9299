//! A `RefCell` behind an unsound `Sync`: its borrow flag races.
use std::cell::RefCell;
use std::thread;

struct Public(RefCell<u64>);

// SAFETY: unsound; that is what this program is about.
unsafe impl Sync for Public {}

static VALUE: Public = Public(RefCell::new(7));

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
            let other = VALUE.0.try_borrow(); // race: read
            std::mem::forget(other);
        });
        let value = VALUE.0.borrow(); // race: write
        assert_eq!(*value, 7);
        std::mem::forget(value);
        step::reach(1);
    });
}
