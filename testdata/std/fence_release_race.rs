//! A relaxed store without the release fence in front of it.
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

static ROUND: AtomicU32 = AtomicU32::new(0);
static mut DATA: u64 = 0;

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            while ROUND.load(Ordering::Acquire) == 0 {
                thread::yield_now();
            }
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        unsafe { DATA = 1 }; // race: write
        ROUND.store(1, Ordering::Relaxed);
    });
}
