//! The same sleeps, and a join that orders.
use std::thread;
use std::time::{Duration, Instant};

static mut RESULT: u64 = 0;

fn main() {
    for round in 1..=20 {
        let start = Instant::now();
        let child = thread::spawn(move || {
            thread::sleep(Duration::from_micros(200));
            unsafe { RESULT = round };
        });
        thread::sleep(Duration::from_millis(1));
        child.join().unwrap();
        let result = unsafe { RESULT };
        assert!(result == round && start.elapsed() >= Duration::from_millis(1));
    }
}
