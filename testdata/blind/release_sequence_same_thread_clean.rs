//! A second release by the releasing thread in place of the relaxed store.
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

static SYNC: AtomicU32 = AtomicU32::new(0);
static mut DATA: u64 = 0;
const SECOND: Ordering = Ordering::Release;

fn main() {
    for round in 1..=60 {
        SYNC.store(0, Ordering::Relaxed);
        thread::scope(|s| {
            s.spawn(move || {
                // Relaxed first: an acquire load that sees the 1 in passing would be ordered.
                while SYNC.load(Ordering::Relaxed) != 2 {
                    thread::yield_now();
                }
                assert_eq!(SYNC.load(Ordering::Acquire), 2);
                let data = unsafe { DATA };
                assert_eq!(data, round);
            });
            unsafe { DATA = round };
            SYNC.store(1, Ordering::Release);
            SYNC.store(2, SECOND);
        });
    }
}
