//! The sender writes after it dropped its end: the error that the receiver gets orders only what came before.
use std::sync::mpsc;
use std::thread;

static mut LAST_WORDS: [u8; 8] = [0; 8];

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
    let (tx, rx) = mpsc::sync_channel::<()>(0);
    thread::scope(|s| {
        s.spawn(move || {
            assert!(rx.recv().is_err());
            step::wait(1);
            let byte = unsafe { LAST_WORDS[7] }; // race: read
            assert_eq!(byte, 7);
        });
        drop(tx);
        unsafe { LAST_WORDS[7] = 7 }; // race: write
        step::reach(1);
    });
}
