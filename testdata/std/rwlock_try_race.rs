//! `try_read` fails while the writer is in, and the thread reads all the same.
use std::sync::RwLock;
use std::thread;

static LOCK: RwLock<()> = RwLock::new(());
static mut STATE: u32 = 0;

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
            assert!(LOCK.try_read().is_err());
            let state = unsafe { STATE }; // race: read
            assert_eq!(state, 1);
            step::reach(2);
        });
        let _guard = LOCK.write().unwrap();
        unsafe { STATE = 1 }; // race: write
        step::reach(1);
        step::wait(2);
    });
}
