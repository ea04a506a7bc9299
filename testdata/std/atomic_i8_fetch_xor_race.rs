//! A bit toggled by a relaxed `fetch_xor` hands nothing over.
use std::sync::atomic::{AtomicI8, Ordering};
use std::thread;

static SIDE: AtomicI8 = AtomicI8::new(0);
static mut DATA: u64 = 0;
const TOGGLE: Ordering = Ordering::Relaxed;

fn wait_for(side: i8) {
    while SIDE.load(Ordering::Acquire) & 1 != side {
        thread::yield_now();
    }
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            wait_for(1);
            unsafe { DATA = 2 }; // race: write
        });
        unsafe { DATA = 1 }; // race: write
        SIDE.fetch_xor(1, TOGGLE);
    });
    assert_eq!(unsafe { DATA }, 2);
}
