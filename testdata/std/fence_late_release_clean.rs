//! The write comes in front of the release fence; several relaxed stores behind it carry it.
use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::thread;

static A: AtomicU32 = AtomicU32::new(0);
static B: AtomicU32 = AtomicU32::new(0);
static mut DATA: u64 = 0;

fn main() {
    for round in 1..=60 {
        thread::scope(|s| {
            for flag in [&A, &B, &A, &B] {
                s.spawn(move || {
                    while flag.load(Ordering::Relaxed) != round {
                        thread::yield_now();
                    }
                    fence(Ordering::Acquire);
                    let data = unsafe { DATA };
                    assert_eq!(data, round as u64);
                });
            }
            unsafe { DATA = round as u64 };
            fence(Ordering::Release);
            A.store(round, Ordering::Relaxed);
            B.store(round, Ordering::Relaxed);
        });
    }
}
