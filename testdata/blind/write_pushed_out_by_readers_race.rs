//! Eight readers come after the write and are ordered with it; one more is not, when the write is long ago.
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

static PUBLISHED: AtomicU32 = AtomicU32::new(0);
static mut DATA: u64 = 0;
const LAST: Ordering = Ordering::Relaxed;

fn wait_for(value: u32, ordering: Ordering) {
    while PUBLISHED.load(ordering) < value {
        thread::yield_now();
    }
}

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
        for reader in 1..=8 {
            s.spawn(move || {
                wait_for(1, Ordering::Acquire);
                step::wait(reader);
                let data = unsafe { DATA };
                assert_eq!(data, 1);
                step::reach(reader + 1);
                step::wait(10);
            });
        }
        s.spawn(|| {
            wait_for(1, LAST);
            step::wait(9);
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
            step::reach(10);
        });
        unsafe { DATA = 1 }; // race: write
        PUBLISHED.store(1, Ordering::Release);
        step::reach(1);
    });
}
