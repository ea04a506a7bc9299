//! `park_timeout` in a loop that looks at an acquire flag each time.
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

static DONE: AtomicU64 = AtomicU64::new(0);

static mut WORK: u64 = 0;

fn main() {
    thread::scope(|s| {
        let sleeper = s.spawn(|| {
            for round in 1..=100 {
                while DONE.load(Ordering::Acquire) < round {
                    thread::park_timeout(Duration::from_micros(100));
                }
                let work = unsafe { WORKS[round as usize] };
                assert_eq!(work, round);
            }
        });
        for round in 1..=100 {
            unsafe {
                WORK = round;
                WORKS[round as usize] = WORK;
            }
            DONE.store(round, Ordering::Release);
            sleeper.thread().unpark();
        }
    });
}

static mut WORKS: [u64; 101] = [0; 101];
