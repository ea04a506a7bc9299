//! A block that nobody touched is freed by a thread that was not told of its allocation.
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};
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

static BLOCK: AtomicPtr<u64> = AtomicPtr::new(std::ptr::null_mut());

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            drop(unsafe { Vec::from_raw_parts(BLOCK.load(Relaxed), 0, 32) }); // race: free
            step::reach(2);
        });
        let mut block = Vec::<u64>::with_capacity(32); // race: any
        BLOCK.store(block.as_mut_ptr(), Relaxed);
        std::mem::forget(block);
        step::reach(1);
        step::wait(2);
    });
}
