//! Two workers take jobs from one receiver in a lock; one tells the other by the job what to read, but not that it is done.
use std::sync::{Mutex, mpsc};
use std::thread;

static mut OUTPUT: u64 = 0;

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
    let rx = Mutex::new(rx);
    let job = || rx.lock().unwrap().recv().unwrap();
    thread::scope(|s| {
        s.spawn(|| {
            assert_eq!(job(), "write");
            step::reach(1);
            step::wait(2);
            unsafe { OUTPUT = 1 }; // race: write
            step::reach(3);
        });
        s.spawn(|| {
            step::wait(1);
            assert_eq!(job(), "read");
            step::reach(2);
            step::wait(3);
            let output = unsafe { OUTPUT }; // race: read
            assert_eq!(output, 1);
        });
        tx.send("write").unwrap();
        tx.send("read").unwrap();
    });
}
