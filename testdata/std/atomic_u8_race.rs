//! The flag is loaded relaxed: the release store that it sees is not acquired.
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

static STATE: AtomicU8 = AtomicU8::new(0);
static mut DATA: u64 = 0;

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            while STATE.load(Ordering::Relaxed) == 0 {
                thread::yield_now();
            }
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        unsafe { DATA = 1 }; // race: write
        STATE.store(1, Ordering::Release);
    });
}
