//! A table in a global lock hands out a pointer that is used after the guard is gone.
use std::collections::HashMap;
use std::sync::Mutex;
use std::thread;

static TABLE: Mutex<Option<HashMap<u32, Box<u64>>>> = Mutex::new(None);

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

fn slot(key: u32) -> *mut u64 {
    let mut table = TABLE.lock().unwrap();
    let slot = table.get_or_insert_default().entry(key).or_default();
    &raw mut **slot
}

fn main() {
    let mine = slot(7);
    unsafe { *mine = 1 };
    thread::scope(|s| {
        s.spawn(|| {
            let theirs = slot(7);
            step::reach(1);
            step::wait(2);
            unsafe { *theirs = 3 }; // race: write
        });
        step::wait(1);
        unsafe { *mine = 2 }; // race: write
        step::reach(2);
    });
}
