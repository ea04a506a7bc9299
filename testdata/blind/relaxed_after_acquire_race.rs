//! The thread in the middle acquires, but hands on by a relaxed store: its acquire is of no use to the third.
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

static SYNC: AtomicU32 = AtomicU32::new(0);
static mut DATA: u64 = 0;
const HAND_ON: Ordering = Ordering::Relaxed;

/// Acquires from this value and, since it looks for it with relaxed loads, from no other.
fn wait_for(value: u32) {
    while SYNC.load(Ordering::Relaxed) != value {
        thread::yield_now();
    }
    assert_eq!(SYNC.load(Ordering::Acquire), value);
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            wait_for(1);
            SYNC.store(2, HAND_ON);
        });
        s.spawn(|| {
            wait_for(2);
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        unsafe { DATA = 1 }; // race: write
        SYNC.store(1, Ordering::Release);
    });
}
