//! A flag stored with release and loaded with acquire, in turns.
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

static FLAG: AtomicBool = AtomicBool::new(false);
static mut DATA: u64 = 0;

fn turns(mine: bool) {
    for _ in 0..200 {
        while FLAG.load(Ordering::Acquire) != mine {
            thread::yield_now();
        }
        unsafe { DATA += 1 };
        FLAG.store(!mine, Ordering::Release);
    }
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| turns(true));
        turns(false);
    });
    assert_eq!(unsafe { DATA }, 400);
}
