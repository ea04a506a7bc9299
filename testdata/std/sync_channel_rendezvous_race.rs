//! A rendezvous is over when both sides have met; the receiver writes behind it and the sender reads.
use std::sync::mpsc;
use std::thread;

static mut ANSWER: u64 = 0;

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
    let (tx, rx) = mpsc::sync_channel(0);
    thread::scope(|s| {
        s.spawn(move || {
            tx.send(()).unwrap();
            step::wait(1);
            let answer = unsafe { ANSWER }; // race: read
            assert_eq!(answer, 1);
        });
        rx.recv().unwrap();
        unsafe { ANSWER = 1 }; // race: write
        step::reach(1);
    });
}
