//! The second thread goes on although `try_lock` failed: a failed try orders nothing.
use std::sync::{Mutex, TryLockError};
use std::thread;

static LOCK: Mutex<()> = Mutex::new(());
static mut TOTAL: u64 = 0;

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
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            assert!(matches!(LOCK.try_lock(), Err(TryLockError::WouldBlock)));
            unsafe { TOTAL = 2 }; // race: write
            step::reach(2);
        });
        let _guard = LOCK.lock().unwrap();
        unsafe { TOTAL = 1 }; // race: write
        step::reach(1);
        step::wait(2);
    });
    assert_eq!(unsafe { TOTAL }, 2);
}
