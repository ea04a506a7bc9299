//! Eight readers and one more, all ordered after the write.
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

static PUBLISHED: AtomicU32 = AtomicU32::new(0);
static mut DATA: u64 = 0;
const LAST: Ordering = Ordering::Acquire;

fn wait_for(value: u32, ordering: Ordering) {
    while PUBLISHED.load(ordering) < value {
        thread::yield_now();
    }
}

fn main() {
    for round in 1..=20 {
        thread::scope(|s| {
            for reader in 1..=9 {
                let ordering = if reader == 9 { LAST } else { Ordering::Acquire };
                s.spawn(move || {
                    wait_for(round, ordering);
                    for _ in 0..10 {
                        let data = unsafe { DATA };
                        assert_eq!(data, u64::from(round));
                    }
                });
            }
            unsafe { DATA = u64::from(round) };
            PUBLISHED.store(round, Ordering::Release);
        });
    }
}
