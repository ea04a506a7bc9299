//! A pointer to a thread-local leaves its thread, and both use it.
use std::cell::UnsafeCell;
use std::thread;

thread_local!(static LOCAL: UnsafeCell<u64> = const { UnsafeCell::new(0) });

struct Borrowed(*mut u64);

// SAFETY: the thread-local outlives the scope in which the pointer is used.
unsafe impl Send for Borrowed {}

impl Borrowed {
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
    let mine = LOCAL.with(|l| l.get());
    let theirs = Borrowed(mine);
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            unsafe { *theirs.get() = 2 }; // race: write
        });
        unsafe { *mine = 1 }; // race: write
        step::reach(1);
    });
    assert_eq!(unsafe { *mine }, 2);
}
