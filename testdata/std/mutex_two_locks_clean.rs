//! Both threads take the same lock out of two.
use std::sync::Mutex;
use std::thread;

static LEFT: Mutex<()> = Mutex::new(());
static RIGHT: Mutex<()> = Mutex::new(());
static mut SUM: u64 = 0;

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            for _ in 0..300 {
                let _left = LEFT.lock().unwrap();
                unsafe { SUM += 1 };
            }
        });
        for _ in 0..300 {
            let _right = RIGHT.lock().unwrap();
            let _left = LEFT.lock().unwrap();
            unsafe { SUM += 1 };
        }
    });
    assert_eq!(unsafe { SUM }, 600);
}
