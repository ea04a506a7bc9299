//! A function pointer is replaced while another thread takes it to call it.
use std::thread;

fn one() -> u32 {
    1
}

fn two() -> u32 {
    2
}

static mut HOOK: fn() -> u32 = one;

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
    assert_eq!(one(), 1);
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            let hook = unsafe { HOOK }; // race: read
            assert_eq!(hook(), 2);
        });
        unsafe { HOOK = two }; // race: write
        step::reach(1);
    });
}
