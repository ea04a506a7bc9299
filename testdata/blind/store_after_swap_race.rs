//! A swap carries the release sequence on, but the relaxed store after it ends it.
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

static SYNC: AtomicU32 = AtomicU32::new(0);
static mut DATA: u64 = 0;

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            while SYNC.load(Ordering::Relaxed) != 1 {
                thread::yield_now();
            }
            assert_eq!(SYNC.swap(2, Ordering::Relaxed), 1);
            SYNC.store(3, Ordering::Relaxed);
        });
        s.spawn(|| {
            // Relaxed first: an acquire load that sees the 1 in passing would be ordered.
            while SYNC.load(Ordering::Relaxed) != 3 {
                thread::yield_now();
            }
            assert_eq!(SYNC.load(Ordering::Acquire), 3);
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        unsafe { DATA = 1 }; // race: write
        SYNC.store(1, Ordering::Release);
    });
}
