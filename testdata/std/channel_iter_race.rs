//! The log is read in the middle of the iteration, when the sender still writes to it.
use std::sync::mpsc;
use std::thread;

static mut LOG: [u64; 64] = [0; 64];

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
            for i in rx {
                step::wait(i);
                let entry = unsafe { LOG[2] }; // race: read
                assert_eq!(entry, 3);
            }
        });
        tx.send(1).unwrap();
        unsafe { LOG[2] = 3 }; // race: write
        step::reach(1);
        drop(tx);
    });
}
