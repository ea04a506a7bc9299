//! SeqCst stores and SeqCst loads.
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;

static ROUND: AtomicU16 = AtomicU16::new(0);
static mut DATA: u64 = 0;

fn turns(mine: u16) {
    for _ in 0..200 {
        let mut round = ROUND.load(Ordering::SeqCst);
        while round % 2 != mine {
            thread::yield_now();
            round = ROUND.load(Ordering::SeqCst);
        }
        unsafe { DATA += round as u64 };
        ROUND.store(round + 1, Ordering::SeqCst);
    }
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| turns(1));
        turns(0);
    });
    assert_eq!(unsafe { DATA }, 399 * 200);
}
