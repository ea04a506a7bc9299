//! The zero byte of a string is part of what strlen reads.
use std::ffi::c_char;
use std::hint::black_box;
use std::thread;

unsafe extern "C" {
    fn strlen(text: *const c_char) -> usize;
}

static mut TEXT: [c_char; 32] = [1; 32];

fn text() -> *mut c_char {
    black_box((&raw mut TEXT).cast())
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
            let length = unsafe { strlen(text()) }; // race: read
            assert_eq!(length, 21);
        });
        unsafe { text().add(21).write(0) }; // race: write
        step::reach(1);
    });
}
