//! A ticket lock: threads are served in the order of their tickets.
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

static NEXT: AtomicU32 = AtomicU32::new(0);
static SERVED: AtomicU32 = AtomicU32::new(0);
static mut COUNT: u64 = 0;
const SERVE: Ordering = Ordering::Release;

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
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..100 {
                    let ticket = lock();
                    unsafe { COUNT += 1 };
                    unlock(ticket);
                }
            });
        }
    });
    assert_eq!(unsafe { COUNT }, 400);
}
