//! A hand-made reference count that goes down relaxed: the last owner frees without being ordered after the others.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

struct Counted {
    owners: AtomicUsize,
    data: [u64; 2],
}

struct Handle(*mut Counted);

// SAFETY: the count keeps the block alive; whether the free is ordered is what this program is about.
unsafe impl Send for Handle {}

impl Handle {
    fn set(&self, i: usize, value: u64) {
        unsafe { (*self.0).data[i] = value }; // race: write
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let counted = self.0;
        if unsafe { &(*counted).owners }.fetch_sub(1, Ordering::Relaxed) == 1 {
            drop(unsafe { Box::from_raw(counted) }); // race: free
        }
    }
}

fn handles() -> (Handle, Handle) {
    let counted = Box::into_raw(Box::new(Counted { owners: AtomicUsize::new(2), data: [0; 2] }));
    (Handle(counted), Handle(counted))
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
    let (mine, theirs) = handles();
    thread::scope(|s| {
        s.spawn(move || {
            let theirs = theirs;
            step::wait(1);
            drop(theirs);
        });
        mine.set(0, 5);
        drop(mine);
        step::reach(1);
    });
}
