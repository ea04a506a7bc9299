//! Two swaps, relaxed, carry the release sequence on.
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

static SYNC: AtomicU32 = AtomicU32::new(0);
static mut DATA: u64 = 0;

fn main() {
    for round in 1..=60 {
        SYNC.store(0, Ordering::Relaxed);
        thread::scope(|s| {
            s.spawn(|| {
                while SYNC.load(Ordering::Relaxed) != 1 {
                    thread::yield_now();
                }
                assert_eq!(SYNC.swap(2, Ordering::Relaxed), 1);
                assert_eq!(SYNC.swap(3, Ordering::Relaxed), 2);
            });
            s.spawn(move || {
                // Relaxed first: an acquire load that sees the 1 in passing would be ordered.
                while SYNC.load(Ordering::Relaxed) != 3 {
                    thread::yield_now();
                }
                assert_eq!(SYNC.load(Ordering::Acquire), 3);
                let data = unsafe { DATA };
                assert_eq!(data, round);
            });
            unsafe { DATA = round };
            SYNC.store(1, Ordering::Release);
        });
    }
}
