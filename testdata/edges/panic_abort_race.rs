//! With `panic=abort`: the race is reported, and the program ends well.
//@ flags: -C panic=abort
use std::sync::{Mutex, mpsc};
use std::thread;

static LOCK: Mutex<()> = Mutex::new(());
static mut DATA: u64 = 0;

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
    let (tx, rx) = mpsc::channel();
    thread::scope(|s| {
        s.spawn(move || {
            rx.recv().unwrap();
            step::wait(1);
            let _guard = LOCK.lock().unwrap();
            unsafe { DATA = 2 }; // race: write
        });
        tx.send(()).unwrap();
        unsafe { DATA = 1 }; // race: write
        step::reach(1);
    });
    assert_eq!(unsafe { DATA }, 2);
}
