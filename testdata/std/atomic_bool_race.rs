//! The flag is stored relaxed: the acquire load that sees it has nothing to acquire.
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

static FLAG: AtomicBool = AtomicBool::new(false);
static mut DATA: u64 = 0;

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            while !FLAG.load(Ordering::Acquire) {
                thread::yield_now();
            }
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        unsafe { DATA = 1 }; // race: write
        FLAG.store(true, Ordering::Relaxed);
    });
}
