//! A byte in the middle of what a memset writes is written by another thread.
use std::hint::black_box;
use std::ptr;
use std::thread;

static mut BYTES: [u8; 1000] = [0; 1000];

fn at(i: usize) -> *mut u8 {
    unsafe { (&raw mut BYTES).cast::<u8>().add(i) }
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
        s.spawn(|| {
            step::wait(1);
            unsafe { ptr::write_bytes(at(13), 9, black_box(700)) }; // race: write
        });
        unsafe { at(12).write(1) };
        unsafe { at(500).write(1) }; // race: write
        unsafe { at(713).write(1) };
        step::reach(1);
    });
    assert_eq!(unsafe { (at(12).read(), at(500).read(), at(713).read()) }, (1, 9, 1));
}
