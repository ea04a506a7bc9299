//! The receiver's `recv` makes room for the sender's next message; the receiver reads the shared buffer after it.
use std::sync::mpsc;
use std::thread;

static mut BUFFER: u64 = 0;

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
    let (tx, rx) = mpsc::sync_channel(1);
    thread::scope(|s| {
        s.spawn(move || {
            rx.recv().unwrap();
            let buffer = unsafe { BUFFER }; // race: read
            assert_eq!(buffer, 0);
            step::reach(1);
            rx.recv().unwrap();
            step::wait(2);
        });
        tx.send(()).unwrap();
        step::wait(1);
        unsafe { BUFFER = 1 }; // race: write
        tx.send(()).unwrap();
        step::reach(2);
    });
}
