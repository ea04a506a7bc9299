//! The writer comes through the barrier first and writes behind it; the barrier orders only what came before.
use std::sync::Barrier;
use std::thread;

static GATE: Barrier = Barrier::new(2);
static mut CELL: u64 = 0;

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
            GATE.wait();
            step::wait(1);
            let cell = unsafe { CELL }; // race: read
            assert_eq!(cell, 1);
        });
        GATE.wait();
        unsafe { CELL = 1 }; // race: write
        step::reach(1);
    });
}
