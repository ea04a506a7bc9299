//! Each key is made once, but the check that it was made is outside of the lock.
use std::sync::Mutex;
use std::thread;

static LOCK: Mutex<()> = Mutex::new(());
static mut MADE: [Option<u32>; 8] = [None; 8];

fn get(key: usize) -> u32 {
    let made = unsafe { MADE[key] }; // race: read
    if let Some(value) = made {
        return value;
    }
    let _guard = LOCK.lock().unwrap();
    unsafe { MADE[key] = Some(key as u32 * 10) }; // race: write
    key as u32 * 10
}

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
            assert_eq!(get(3), 30);
        });
        assert_eq!(get(3), 30);
        step::reach(1);
    });
}
