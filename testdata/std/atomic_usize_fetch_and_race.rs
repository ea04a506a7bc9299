//! A busy bit cleared by a relaxed `fetch_and` does not hand the slot on.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

static BUSY: AtomicUsize = AtomicUsize::new(0);
static mut SLOT: u64 = 0;
const CLEAR: Ordering = Ordering::Relaxed;

fn take(bit: usize) {
    while BUSY.fetch_or(bit, Ordering::Acquire) & bit != 0 {
        thread::yield_now();
    }
}

fn clear(bit: usize) {
    BUSY.fetch_and(!bit, CLEAR);
}

fn main() {
    take(4);
    thread::scope(|s| {
        s.spawn(|| {
            take(4);
            unsafe { SLOT = 2 }; // race: write
            clear(4);
        });
        unsafe { SLOT = 1 }; // race: write
        clear(4);
    });
    assert_eq!(unsafe { SLOT }, 2);
}
