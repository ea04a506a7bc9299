//! Relaxed read-modify-writes carry on the release sequence that another thread's release store began.
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

static TICKETS: AtomicU32 = AtomicU32::new(0);
static mut SEATS: u64 = 0;
const OPEN: Ordering = Ordering::Release;

fn main() {
    for round in 1..=60 {
        TICKETS.store(0, Ordering::Relaxed);
        thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(move || {
                    while TICKETS.load(Ordering::Relaxed) < 8 {
                        thread::yield_now();
                    }
                    TICKETS.fetch_add(1, Ordering::Relaxed);
                });
            }
            s.spawn(move || {
                while TICKETS.load(Ordering::Acquire) != 11 {
                    thread::yield_now();
                }
                let seats = unsafe { SEATS };
                assert_eq!(seats, round);
            });
            unsafe { SEATS = round };
            TICKETS.store(8, OPEN);
        });
    }
}
