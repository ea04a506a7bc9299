//! The sender writes after it has sent: the message carries only what came before.
use std::sync::mpsc;
use std::thread;

static mut PAYLOAD: u64 = 0;

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
            rx.recv().unwrap();
            step::wait(1);
            let payload = unsafe { PAYLOAD }; // race: read
            assert_eq!(payload, 1);
        });
        tx.send(()).unwrap();
        unsafe { PAYLOAD = 1 }; // race: write
        step::reach(1);
    });
}
