//! A SeqCst store read by a relaxed load: the strongest store orders nothing for a load that does not acquire.
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;

static ROUND: AtomicU16 = AtomicU16::new(0);
static mut DATA: u64 = 0;

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            while ROUND.load(Ordering::Relaxed) == 0 {
                thread::yield_now();
            }
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        unsafe { DATA = 1 }; // race: write
        ROUND.store(1, Ordering::SeqCst);
    });
}
