//! A byte in the middle of what a memcpy reads is written by another thread.
use std::hint::black_box;
use std::ptr;
use std::thread;

static mut SOURCE: [u8; 1000] = [3; 1000];
static mut TARGET: [u8; 1000] = [0; 1000];

fn source(i: usize) -> *mut u8 {
    unsafe { (&raw mut SOURCE).cast::<u8>().add(i) }
}

fn target(i: usize) -> *mut u8 {
    unsafe { (&raw mut TARGET).cast::<u8>().add(i) }
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
            unsafe { source(777).write(4) }; // race: write
        });
        unsafe { source(901).write(5) };
        unsafe { ptr::copy_nonoverlapping(source(101), target(7), black_box(800)) }; // race: read
        step::reach(1);
    });
    assert_eq!(unsafe { target(7 + 676).read() }, 3);
}
