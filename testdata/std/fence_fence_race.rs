//! The acquire fence stands in front of the relaxed load, where it acquires nothing.
use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::thread;

static ROUND: AtomicU32 = AtomicU32::new(0);
static mut DATA: u64 = 0;

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            fence(Ordering::Acquire);
            while ROUND.load(Ordering::Relaxed) == 0 {
                thread::yield_now();
            }
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        unsafe { DATA = 1 }; // race: write
        fence(Ordering::Release);
        ROUND.store(1, Ordering::Relaxed);
    });
}
