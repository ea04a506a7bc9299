//! Double-checked initialisation whose first check is relaxed.
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

static LOCK: Mutex<()> = Mutex::new(());
static READY: AtomicBool = AtomicBool::new(false);
static mut VALUE: u64 = 0;
const CHECK: Ordering = Ordering::Relaxed;

fn value() -> u64 {
    if !READY.load(CHECK) {
        let _guard = LOCK.lock().unwrap();
        if !READY.load(Ordering::Relaxed) {
            unsafe { VALUE = 6 }; // race: write
            READY.store(true, Ordering::Release);
        }
    }
    unsafe { VALUE } // race: read
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            while !READY.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            assert_eq!(value(), 6);
        });
        assert_eq!(value(), 6);
    });
}
