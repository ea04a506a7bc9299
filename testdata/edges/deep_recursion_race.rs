//! The two accesses are a hundred calls deep.
use std::hint::black_box;
use std::thread;

static mut DATA: u64 = 0;

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

#[inline(never)]
fn descend(depth: u32, value: u64) {
    if depth == 0 {
        unsafe { DATA = value }; // race: write, write
    } else {
        descend(black_box(depth - 1), value);
        black_box(depth);
    }
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            descend(100, 2);
        });
        descend(100, 1);
        step::reach(1);
    });
    assert_eq!(unsafe { DATA }, 2);
}
