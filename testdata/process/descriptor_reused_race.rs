//! A pipe gets the number of one that was closed; what went through the one says nothing of the other.
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
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

/// A byte goes through a pipe of the thread's own. Returns the numbers.
fn pass() -> (i32, i32) {
    let (mut rx, mut tx) = io::pipe().unwrap();
    tx.write_all(&[1]).unwrap();
    rx.read_exact(&mut [0]).unwrap();
    (rx.as_raw_fd(), tx.as_raw_fd())
}

fn main() {
    thread::scope(|s| {
        let other = s.spawn(|| {
            step::wait(1);
            let numbers = pass();
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
            numbers
        });
        unsafe { DATA = 1 }; // race: write
        let numbers = pass();
        step::reach(1);
        assert_eq!(other.join().unwrap(), numbers);
    });
}
