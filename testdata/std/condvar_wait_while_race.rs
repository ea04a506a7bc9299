//! The writer notifies first and writes afterwards, so that the waiter is woken without the edge.
use std::sync::{Condvar, Mutex};
use std::thread;

static OPEN: Mutex<bool> = Mutex::new(false);
static CHANGED: Condvar = Condvar::new();
static mut BUFFER: [u8; 16] = [0; 16];

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
            let open = CHANGED.wait_while(OPEN.lock().unwrap(), |open| !*open).unwrap();
            step::wait(1);
            let byte = unsafe { BUFFER[5] }; // race: read
            assert!(*open && byte == 1);
        });
        *OPEN.lock().unwrap() = true;
        CHANGED.notify_all();
        unsafe { BUFFER[5] = 1 }; // race: write
        step::reach(1);
    });
}
