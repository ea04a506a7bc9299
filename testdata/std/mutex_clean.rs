//! Four threads count under one lock.
use std::sync::Mutex;
use std::thread;

static LOCK: Mutex<()> = Mutex::new(());
static mut COUNT: u64 = 0;

fn main() {
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..250 {
                    let _guard = LOCK.lock().unwrap();
                    unsafe { COUNT += 1 };
                }
            });
        }
    });
    assert_eq!(unsafe { COUNT }, 1000);
}
