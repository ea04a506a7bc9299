//! The thread in the middle acquires and hands on by a release store.
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

static SYNC: AtomicU32 = AtomicU32::new(0);
static mut DATA: u64 = 0;
const HAND_ON: Ordering = Ordering::Release;

/// Acquires from this value and, since it looks for it with relaxed loads, from no other.
fn wait_for(value: u32) {
    while SYNC.load(Ordering::Relaxed) != value {
        thread::yield_now();
    }
    assert_eq!(SYNC.load(Ordering::Acquire), value);
}

fn main() {
    for round in 1..=60 {
        SYNC.store(0, Ordering::Relaxed);
        thread::scope(|s| {
            s.spawn(|| {
                wait_for(1);
                SYNC.store(2, HAND_ON);
            });
            s.spawn(move || {
                wait_for(2);
                let data = unsafe { DATA };
                assert_eq!(data, round);
            });
            unsafe { DATA = round };
            SYNC.store(1, Ordering::Release);
        });
    }
}
