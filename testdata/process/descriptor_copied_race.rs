//! A byte goes through one socket pair, and the data is read after a byte from another.
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
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
    let (mut a, b) = UnixStream::pair().unwrap();
    let (mut c, mut d) = UnixStream::pair().unwrap();
    d.write_all(&[1]).unwrap();
    let copy = b.try_clone().unwrap();
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            c.read_exact(&mut [0]).unwrap();
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        unsafe { DATA = 1 }; // race: write
        a.write_all(&[1]).unwrap();
        step::reach(1);
    });
    drop(copy);
}
