//! An object published by a relaxed store of its pointer.
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread;

static HEAD: AtomicPtr<u64> = AtomicPtr::new(ptr::null_mut());
const PUBLISH: Ordering = Ordering::Relaxed;

fn take() -> *mut u64 {
    loop {
        let object = HEAD.swap(ptr::null_mut(), Ordering::Acquire);
        if !object.is_null() {
            return object;
        }
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
    let object = Box::into_raw(Box::new(0));
    thread::scope(|s| {
        s.spawn(|| {
            let object = take();
            assert_eq!(unsafe { *object }, 3); // race: read
            step::reach(1);
        });
        unsafe { *object = 3 }; // race: write
        HEAD.store(object, PUBLISH);
        step::wait(1);
    });
    drop(unsafe { Box::from_raw(object) });
}
