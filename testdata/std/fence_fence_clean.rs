//! A release fence, a relaxed store, a relaxed load and an acquire fence, in this order.
use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::thread;

static ROUND: AtomicU32 = AtomicU32::new(0);
static mut DATA: u64 = 0;

fn turns(mine: u32) {
    for _ in 0..150 {
        let mut round = ROUND.load(Ordering::Relaxed);
        while round % 2 != mine {
            thread::yield_now();
            round = ROUND.load(Ordering::Relaxed);
        }
        fence(Ordering::Acquire);
        unsafe { DATA += 1 };
        fence(Ordering::Release);
        ROUND.store(round + 1, Ordering::Relaxed);
    }
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| turns(1));
        turns(0);
    });
    assert_eq!(unsafe { DATA }, 300);
}
