//! A relaxed store by another thread breaks the release sequence that it follows.
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
    thread::scope(|s| {
        s.spawn(|| {
            wait_for(1, Ordering::Relaxed);
            SYNC.store(2, Ordering::Relaxed);
        });
        s.spawn(|| {
            // Relaxed first: an acquire load that sees the 1 in passing would be ordered.
            wait_for(2, Ordering::Relaxed);
            wait_for(2, Ordering::Acquire);
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        unsafe { DATA = 1 }; // race: write
        SYNC.store(1, Ordering::Release);
    });
}
