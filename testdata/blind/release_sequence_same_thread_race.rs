//! A relaxed store by the releasing thread itself breaks its release sequence, since C++20.
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

static SYNC: AtomicU32 = AtomicU32::new(0);
static mut DATA: u64 = 0;
const SECOND: Ordering = Ordering::Relaxed;

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            // Relaxed first: an acquire load that sees the 1 in passing would be ordered.
            while SYNC.load(Ordering::Relaxed) != 2 {
                thread::yield_now();
            }
            assert_eq!(SYNC.load(Ordering::Acquire), 2);
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        unsafe { DATA = 1 }; // race: write
        SYNC.store(1, Ordering::Release);
        SYNC.store(2, SECOND);
    });
}
