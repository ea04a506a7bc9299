//! A relaxed read-modify-write by another thread carries the release sequence on.
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

static SYNC: AtomicU32 = AtomicU32::new(0);
static mut DATA: u64 = 0;

fn wait_for(value: u32, ordering: Ordering) {
    while SYNC.load(ordering) != value {
        thread::yield_now();
    }
}

fn main() {
    for round in 1..=60 {
        SYNC.store(0, Ordering::Relaxed);
        thread::scope(|s| {
            s.spawn(|| {
                wait_for(1, Ordering::Relaxed);
                SYNC.fetch_add(1, Ordering::Relaxed);
            });
            s.spawn(move || {
                // Relaxed first: an acquire load that sees the 1 in passing would be ordered.
                wait_for(2, Ordering::Relaxed);
                wait_for(2, Ordering::Acquire);
                let data = unsafe { DATA };
                assert_eq!(data, round);
            });
            unsafe { DATA = round };
            SYNC.store(1, Ordering::Release);
        });
    }
}
