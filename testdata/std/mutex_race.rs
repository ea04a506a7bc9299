//! The reader does not take the lock: the edge from the writer's unlock to its lock is missing.
use std::sync::Mutex;
use std::thread;

static LOCK: Mutex<()> = Mutex::new(());
static mut COUNT: u64 = 0;

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
            let count = unsafe { COUNT }; // race: read
            assert_eq!(count, 1);
        });
        let guard = LOCK.lock().unwrap();
        unsafe { COUNT = 1 }; // race: write
        drop(guard);
        step::reach(1);
    });
}
