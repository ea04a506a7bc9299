//! A mutex is dropped with its memory, without an edge to the thread that unlocked it last.
use std::sync::Mutex;
use std::thread;

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
    let lock = Box::into_raw(Box::new(Mutex::new(0u64)));
    let address = lock as usize;
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            drop(unsafe { Box::from_raw(address as *mut Mutex<u64>) }); // race: free
        });
        drop(unsafe { &*lock }.lock().unwrap()); // race: atomic write
        step::reach(1);
    });
}
