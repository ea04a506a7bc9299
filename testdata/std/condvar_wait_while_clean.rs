//! `wait_while` and `wait_timeout_while` return when the condition under the lock holds, and what came before the change is ordered.
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Duration;

static OPEN: Mutex<bool> = Mutex::new(false);
static CHANGED: Condvar = Condvar::new();
static mut BUFFER: [u8; 16] = [0; 16];

fn main() {
    for round in 1..=60 {
        *OPEN.lock().unwrap() = false;
        thread::scope(|s| {
            s.spawn(|| {
                let _open = CHANGED.wait_while(OPEN.lock().unwrap(), |open| !*open).unwrap();
                assert_eq!(unsafe { BUFFER }, [round; 16]);
            });
            s.spawn(|| {
                let guard = OPEN.lock().unwrap();
                let limit = Duration::from_secs(20);
                let (_open, end) = CHANGED.wait_timeout_while(guard, limit, |open| !*open).unwrap();
                assert!(!end.timed_out());
                assert_eq!(unsafe { BUFFER }, [round; 16]);
            });
            unsafe { BUFFER = [round; 16] };
            *OPEN.lock().unwrap() = true;
            CHANGED.notify_all();
        });
    }
}
