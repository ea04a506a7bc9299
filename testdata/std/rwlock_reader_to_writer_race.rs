//! A reader keeps reading after it gave its read lock back; the next writer is ordered only after the unlock.
use std::sync::RwLock;
use std::thread;

static LOCK: RwLock<()> = RwLock::new(());
static mut CONFIG: [u64; 4] = [0; 4];

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
            let _guard = LOCK.write().unwrap();
            unsafe { CONFIG[2] = 1 }; // race: write
        });
        let guard = LOCK.read().unwrap();
        drop(guard);
        let old = unsafe { CONFIG[2] }; // race: read
        assert_eq!(old, 0);
        step::reach(1);
    });
}
