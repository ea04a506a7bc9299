//! The sender keeps a pointer to the box that it sent, and writes through it.
use std::sync::mpsc;
use std::thread;

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
    let (tx, rx) = mpsc::channel();
    thread::scope(|s| {
        s.spawn(move || {
            let parcel: Box<u64> = rx.recv().unwrap();
            step::wait(1);
            assert_eq!(*parcel, 1); // race: read
            step::reach(2);
            step::wait(3);
        });
        let mut parcel = Box::new(0u64);
        let kept = &raw mut *parcel;
        tx.send(parcel).unwrap();
        unsafe { *kept = 1 }; // race: write
        step::reach(1);
        step::wait(2);
        step::reach(3);
    });
}
