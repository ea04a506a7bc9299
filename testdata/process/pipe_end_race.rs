//! The data is written after the end of the pipe that the reader saw.
use std::io::{self, Read};
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
    let (mut rx, tx) = io::pipe().unwrap();
    thread::scope(|s| {
        s.spawn(move || {
            assert_eq!(rx.read(&mut [0]).unwrap(), 0);
            step::wait(1);
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        drop(tx);
        unsafe { DATA = 1 }; // race: write
        step::reach(1);
    });
}
