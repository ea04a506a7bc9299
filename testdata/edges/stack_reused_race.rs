//! A local variable of a running thread is written by another that got its address.
//@ thread-state: any
use std::hint::black_box;
use std::thread;

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

static LOCAL: AtomicPtr<u64> = AtomicPtr::new(ptr::null_mut());

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
        let owner = s.spawn(|| {
            let mut local = 0u64;
            let place = black_box(&raw mut local);
            // Begins an epoch, so that the write below is not one with the initialisation.
            LOCAL.store(ptr::null_mut(), Ordering::Release);
            unsafe { place.write(1) }; // race: write
            LOCAL.store(place, Ordering::Relaxed);
            step::reach(1);
            step::wait(2);
            black_box(local);
        });
        step::wait(1);
        let local = LOCAL.load(Ordering::Relaxed);
        unsafe { local.write(2) }; // race: write
        step::reach(2);
        // Its end is one more access of its stack, and is waited for.
        owner.join().unwrap();
    });
}
