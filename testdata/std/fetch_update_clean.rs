//! `fetch_update` that gives up has only loaded, by its second ordering, which is acquire.
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

const CLOSED: u64 = u64::MAX;
static USERS: AtomicU64 = AtomicU64::new(0);
static mut REASON: u64 = 0;
const FETCH: Ordering = Ordering::Acquire;

fn enter() -> bool {
    USERS.fetch_update(Ordering::Relaxed, FETCH, |n| (n != CLOSED).then(|| n + 1)).is_ok()
}

fn main() {
    for round in 1..=60 {
        USERS.store(0, Ordering::Relaxed);
        thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(move || {
                    while enter() {
                        thread::yield_now();
                    }
                    let reason = unsafe { REASON };
                    assert_eq!(reason, round);
                });
            }
            unsafe { REASON = round };
            USERS.swap(CLOSED, Ordering::Release);
        });
    }
}
