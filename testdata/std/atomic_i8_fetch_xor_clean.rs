//! A bit toggled by `fetch_xor` with release hands the data over.
use std::sync::atomic::{AtomicI8, Ordering};
use std::thread;

static SIDE: AtomicI8 = AtomicI8::new(0);
static mut DATA: u64 = 0;
const TOGGLE: Ordering = Ordering::Release;

fn wait_for(side: i8) {
    while SIDE.load(Ordering::Acquire) & 1 != side {
        thread::yield_now();
    }
}

fn turns(mine: i8) {
    for _ in 0..200 {
        wait_for(mine);
        unsafe { DATA += 1 };
        SIDE.fetch_xor(1, TOGGLE);
    }
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| turns(1));
        turns(0);
    });
    assert_eq!(unsafe { DATA }, 400);
}
