//! Two closures capture a pointer to one local variable of `main`.
use std::thread;

struct Captured(*mut u64);

// SAFETY: the variable outlives the scope; whether its uses are ordered is what this program is about.
unsafe impl Send for Captured {}

impl Captured {
    fn get(&self) -> *mut u64 {
        self.0
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
    let mut total = 0;
    let pointer = &raw mut total;
    let (a, b) = (Captured(pointer), Captured(pointer));
    thread::scope(|s| {
        s.spawn(move || {
            unsafe { *a.get() = 1 }; // race: write
            step::reach(1);
            step::wait(2);
        });
        s.spawn(move || {
            step::wait(1);
            unsafe { *b.get() = 2 }; // race: write
            step::reach(2);
        });
    });
    assert_eq!(unsafe { *pointer }, 2);
}
