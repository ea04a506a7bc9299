//! A claim by a compare-exchange that succeeds with acquire.
use std::sync::atomic::{AtomicIsize, Ordering};
use std::thread;

static STATE: AtomicIsize = AtomicIsize::new(0);
static mut JOB: u64 = 0;
const CLAIM: Ordering = Ordering::Acquire;

fn claim() {
    while STATE.compare_exchange(1, 2, CLAIM, Ordering::Relaxed).is_err() {
        thread::yield_now();
    }
}

fn main() {
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                for _ in 0..60 {
                    claim();
                    let job = unsafe { JOB };
                    assert!(job > 0);
                    STATE.store(0, Ordering::Release);
                }
            });
        }
        for n in 1..=180 {
            while STATE.load(Ordering::Acquire) != 0 {
                thread::yield_now();
            }
            unsafe { JOB = n };
            STATE.store(1, Ordering::Release);
        }
    });
}
