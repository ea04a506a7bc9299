//! The writer changes the data after it has sent the byte.
use std::io::{self, Read, Write};
use std::thread;

static mut DATA: u64 = 0;

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
    thread::scope(|s| {
        s.spawn(move || {
            rx.read_exact(&mut [0]).unwrap();
            step::wait(1);
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        tx.write_all(&[1]).unwrap();
        unsafe { DATA = 1 }; // race: write
        step::reach(1);
    });
}
