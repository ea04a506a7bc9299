//! An acquire fence behind the relaxed load that saw a release store.
use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::thread;

static ROUND: AtomicU32 = AtomicU32::new(0);
static mut DATA: u64 = 0;

fn turns(mine: u32) {
    for _ in 0..150 {
        while ROUND.load(Ordering::Relaxed) % 2 != mine {
            thread::yield_now();
        }
        fence(Ordering::Acquire);
        unsafe { DATA += 1 };
        ROUND.fetch_add(1, Ordering::Release);
    }
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| turns(1));
        turns(0);
    });
    assert_eq!(unsafe { DATA }, 300);
}
