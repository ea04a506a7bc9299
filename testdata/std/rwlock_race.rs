//! The reader skips the read lock: the edge from the writer's unlock is missing.
use std::sync::RwLock;
use std::thread;

static LOCK: RwLock<()> = RwLock::new(());
static mut PAIR: (u64, u64) = (0, 0);

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
            let second = unsafe { PAIR.1 }; // race: read
            assert_eq!(second, 1);
        });
        let guard = LOCK.write().unwrap();
        unsafe { PAIR.1 = 1 }; // race: write
        drop(guard);
        step::reach(1);
    });
}
