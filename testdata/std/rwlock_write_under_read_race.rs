//! Two threads write while both hold the read lock, which excludes writers but not each other.
use std::sync::RwLock;
use std::thread;

static LOCK: RwLock<()> = RwLock::new(());
static mut HITS: u64 = 0;

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
            let _guard = LOCK.read().unwrap();
            step::reach(1);
            step::wait(2);
            unsafe { HITS = 2 }; // race: write
            step::reach(3);
        });
        step::wait(1);
        let _guard = LOCK.read().unwrap();
        unsafe { HITS = 1 }; // race: write
        step::reach(2);
        step::wait(3);
    });
    assert_eq!(unsafe { HITS }, 2);
}
