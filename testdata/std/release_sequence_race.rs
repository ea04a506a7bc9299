//! Relaxed read-modify-writes that began without a release: there is no release sequence that they could carry on.
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

static TICKETS: AtomicU32 = AtomicU32::new(0);
static mut SEATS: u64 = 0;
const OPEN: Ordering = Ordering::Relaxed;

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            while TICKETS.load(Ordering::Relaxed) != 8 {
                thread::yield_now();
            }
            TICKETS.fetch_add(1, Ordering::Relaxed);
        });
        s.spawn(|| {
            while TICKETS.load(Ordering::Acquire) != 9 {
                thread::yield_now();
            }
            let seats = unsafe { SEATS }; // race: read
            assert_eq!(seats, 1);
        });
        unsafe { SEATS = 1 }; // race: write
        TICKETS.store(8, OPEN);
    });
}
