//! A set of ready bits, each set with release; whoever sees them all has everything.
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

static READY: AtomicU64 = AtomicU64::new(0);
static mut PARTS: [u64; 8] = [0; 8];

fn main() {
    for round in 1..=40 {
        READY.store(0, Ordering::Relaxed);
        thread::scope(|s| {
            for i in 0..8 {
                s.spawn(move || {
                    unsafe { PARTS[i] = round };
                    READY.fetch_or(1 << i, Ordering::Release);
                });
            }
            while READY.load(Ordering::Acquire) != 0xff {
                thread::yield_now();
            }
            let parts = unsafe { PARTS };
            assert_eq!(parts, [round; 8]);
        });
    }
}
