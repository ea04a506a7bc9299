//! Double-checked initialisation whose first check acquires.
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

static LOCK: Mutex<()> = Mutex::new(());
static READY: AtomicBool = AtomicBool::new(false);
static mut VALUE: u64 = 0;
const CHECK: Ordering = Ordering::Acquire;

fn value() -> u64 {
    if !READY.load(CHECK) {
        let _guard = LOCK.lock().unwrap();
        if !READY.load(Ordering::Relaxed) {
            unsafe { VALUE = 6 };
            READY.store(true, Ordering::Release);
        }
    }
    unsafe { VALUE }
}

fn main() {
    thread::scope(|s| {
        for _ in 0..6 {
            s.spawn(|| (0..100).for_each(|_| assert_eq!(value(), 6)));
        }
    });
}
