//! The thread that counts itself as the last one to finish reads all results; the count is acquire and release.
use std::sync::atomic::{AtomicI16, Ordering};
use std::thread;

static FINISHED: AtomicI16 = AtomicI16::new(0);
static mut RESULTS: [u64; 4] = [0; 4];
const COUNT: Ordering = Ordering::AcqRel;

fn main() {
    for round in 1..=60 {
        FINISHED.store(0, Ordering::Relaxed);
        thread::scope(|s| {
            for i in 0..4 {
                s.spawn(move || {
                    unsafe { RESULTS[i] = round };
                    if FINISHED.fetch_add(1, COUNT) == 3 {
                        let results = unsafe { RESULTS };
                        assert_eq!(results, [round; 4]);
                    }
                });
            }
        });
    }
}
