//! A claim by a compare-exchange that succeeds relaxed.
use std::sync::atomic::{AtomicIsize, Ordering};
use std::thread;

static STATE: AtomicIsize = AtomicIsize::new(0);
static mut JOB: u64 = 0;
const CLAIM: Ordering = Ordering::Relaxed;

fn claim() {
    while STATE.compare_exchange(1, 2, CLAIM, Ordering::Relaxed).is_err() {
        thread::yield_now();
    }
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            claim();
            let job = unsafe { JOB }; // race: read
            assert_eq!(job, 7);
        });
        unsafe { JOB = 7 }; // race: write
        STATE.store(1, Ordering::Release);
    });
}
