//! A relaxed counter that only counts, and a join for the permission.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

static DONE: AtomicUsize = AtomicUsize::new(0);
static mut TABLE: [u64; 4] = [0; 4];

fn main() {
    for round in 1..=60 {
        thread::scope(|s| {
            for i in 0..4 {
                s.spawn(move || {
                    unsafe { TABLE[i] += 1 };
                    DONE.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        let table = unsafe { TABLE };
        assert_eq!(table, [round; 4]);
        assert_eq!(DONE.load(Ordering::Relaxed) as u64, 4 * round);
    }
}
