//! A one-byte state, released and acquired, goes round three threads.
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

static STATE: AtomicU8 = AtomicU8::new(0);
static mut DATA: u64 = 0;

fn main() {
    thread::scope(|s| {
        for me in 0..3 {
            s.spawn(move || {
                for _ in 0..150 {
                    while STATE.load(Ordering::Acquire) != me {
                        thread::yield_now();
                    }
                    unsafe { DATA += 1 };
                    STATE.store((me + 1) % 3, Ordering::Release);
                }
            });
        }
    });
    assert_eq!(unsafe { DATA }, 450);
}
