//! `recv_timeout` runs out, and the thread reads as if the message had come.
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

static mut RESULT: u64 = 0;

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
    let (tx, rx) = mpsc::channel::<()>();
    thread::scope(|s| {
        s.spawn(move || {
            let end = rx.recv_timeout(Duration::from_millis(1));
            assert_eq!(end, Err(RecvTimeoutError::Timeout));
            step::wait(1);
            let result = unsafe { RESULT }; // race: read
            assert_eq!(result, 1);
            step::reach(2);
        });
        unsafe { RESULT = 1 }; // race: write
        step::reach(1);
        step::wait(2);
        drop(tx);
    });
}
