//! A byte at the end of what a memmove writes is read by another thread.
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
            let byte = unsafe { at(309).read() }; // race: read
            assert_eq!(byte, 0);
        });
        unsafe { ptr::copy(at(3), at(10), black_box(300)) }; // race: write
        step::reach(1);
    });
}
