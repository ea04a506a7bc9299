//! A busy bit taken by `fetch_or` and cleared by `fetch_and`: a lock in one bit.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

static BUSY: AtomicUsize = AtomicUsize::new(0);
static mut SLOT: u64 = 0;
const CLEAR: Ordering = Ordering::Release;

fn take(bit: usize) {
    while BUSY.fetch_or(bit, Ordering::Acquire) & bit != 0 {
        thread::yield_now();
    }
}

fn clear(bit: usize) {
    BUSY.fetch_and(!bit, CLEAR);
}

fn main() {
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                for _ in 0..150 {
                    take(4);
                    unsafe { SLOT += 1 };
                    clear(4);
                }
            });
        }
    });
    assert_eq!(unsafe { SLOT }, 450);
}
