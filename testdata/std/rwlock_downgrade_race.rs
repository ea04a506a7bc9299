//! A writer downgrades its guard and then writes on, when readers are already let in.
use std::sync::{RwLock, RwLockWriteGuard};
use std::thread;

static LOCK: RwLock<()> = RwLock::new(());
static mut VERSION: u64 = 0;

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
            let _guard = LOCK.read().unwrap();
            step::reach(2);
            step::wait(3);
            let version = unsafe { VERSION }; // race: read
            assert_eq!(version, 1);
            step::reach(4);
        });
        let writer = LOCK.write().unwrap();
        let _reader = RwLockWriteGuard::downgrade(writer);
        step::reach(1);
        step::wait(2);
        unsafe { VERSION = 1 }; // race: write
        step::reach(3);
        step::wait(4);
    });
}
