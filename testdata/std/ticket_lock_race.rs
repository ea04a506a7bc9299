//! A ticket lock whose holder serves the next one by a relaxed store.
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

static NEXT: AtomicU32 = AtomicU32::new(0);
static SERVED: AtomicU32 = AtomicU32::new(0);
static mut COUNT: u64 = 0;
const SERVE: Ordering = Ordering::Relaxed;

fn lock() -> u32 {
    let ticket = NEXT.fetch_add(1, Ordering::Relaxed);
    while SERVED.load(Ordering::Acquire) != ticket {
        thread::yield_now();
    }
    ticket
}

fn unlock(ticket: u32) {
    SERVED.store(ticket + 1, SERVE);
}

fn main() {
    let ticket = lock();
    thread::scope(|s| {
        s.spawn(|| {
            let ticket = lock();
            unsafe { COUNT = 2 }; // race: write
            unlock(ticket);
        });
        unsafe { COUNT = 1 }; // race: write
        unlock(ticket);
    });
    assert_eq!(unsafe { COUNT }, 2);
}
