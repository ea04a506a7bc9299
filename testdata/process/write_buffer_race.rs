//! `write` reads a buffer that another thread has changed.
use std::io::{self, Write};
use std::thread;

static mut BUFFER: [u8; 16] = [0; 16];

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
    let (rx, mut tx) = io::pipe().unwrap();
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            let buffer = unsafe { &*(&raw const BUFFER) };
            tx.write_all(buffer).unwrap(); // race: read
        });
        unsafe { BUFFER[5] = 1 }; // race: write
        step::reach(1);
    });
    drop(rx);
}
