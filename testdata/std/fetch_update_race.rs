//! `fetch_update` that gives up has only loaded, by its second ordering, which is relaxed.
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

const CLOSED: u64 = u64::MAX;
static USERS: AtomicU64 = AtomicU64::new(0);
static mut REASON: u64 = 0;
const FETCH: Ordering = Ordering::Relaxed;

fn enter() -> bool {
    USERS.fetch_update(Ordering::Relaxed, FETCH, |n| (n != CLOSED).then(|| n + 1)).is_ok()
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            while enter() {
                thread::yield_now();
            }
            let reason = unsafe { REASON }; // race: read
            assert_eq!(reason, 5);
        });
        unsafe { REASON = 5 }; // race: write
        USERS.swap(CLOSED, Ordering::Release);
    });
}
