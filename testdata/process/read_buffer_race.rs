//! `read` writes into a buffer that another thread reads.
use std::io::{self, Read, Write};
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
    let (mut rx, mut tx) = io::pipe().unwrap();
    tx.write_all(&[1; 16]).unwrap();
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            let byte = unsafe { BUFFER[5] }; // race: read
            assert_eq!(byte, 1);
        });
        let buffer = unsafe { &mut *(&raw mut BUFFER) };
        let count = rx.read(buffer).unwrap(); // race: write
        assert_eq!(count, 16);
        step::reach(1);
    });
}
