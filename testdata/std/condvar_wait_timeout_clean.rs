//! Waits that time out are tried again until the condition holds.
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Duration;

static DONE: Mutex<u32> = Mutex::new(0);
static CHANGED: Condvar = Condvar::new();
static mut RESULT: u64 = 0;

fn main() {
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                for round in 1..=40 {
                    let mut done = DONE.lock().unwrap();
                    while *done < round {
                        done = CHANGED.wait_timeout(done, Duration::from_micros(200)).unwrap().0;
                    }
                    drop(done);
                    assert!(unsafe { RESULTS[round as usize] } == round as u64);
                }
            });
        }
        for round in 1..=40 {
            unsafe {
                RESULT += 1;
                RESULTS[round as usize] = RESULT;
            }
            *DONE.lock().unwrap() = round;
            CHANGED.notify_all();
        }
    });
}

static mut RESULTS: [u64; 41] = [0; 41];
