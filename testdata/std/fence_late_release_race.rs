//! The write comes behind the release fence, so that the store which the fence covers does not carry it.
use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::thread;

static A: AtomicU32 = AtomicU32::new(0);
static mut DATA: u64 = 0;

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            while A.load(Ordering::Relaxed) == 0 {
                thread::yield_now();
            }
            fence(Ordering::Acquire);
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        fence(Ordering::Release);
        unsafe { DATA = 1 }; // race: write
        A.store(1, Ordering::Relaxed);
    });
}
