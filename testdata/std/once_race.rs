//! A second flag, relaxed, tells that the `Once` has run; who looks only there is not ordered after it.
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

static INIT: Once = Once::new();
static mut CONFIG: u64 = 0;
static RAN: AtomicBool = AtomicBool::new(false);

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            while !RAN.load(Relaxed) {
                thread::yield_now();
            }
            let config = unsafe { CONFIG }; // race: read
            assert_eq!(config, 42);
        });
        INIT.call_once(|| unsafe { CONFIG = 42 }); // race: write
        RAN.store(true, Relaxed);
    });
}
