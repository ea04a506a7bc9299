//! Children of a scope write their parts, and the parent reads after the scope.
use std::thread;

static mut PARTS: [u64; 4] = [0; 4];

fn main() {
    for round in 1..=50 {
        thread::scope(|s| {
            for i in 0..4 {
                s.spawn(move || unsafe { PARTS[i] += round });
            }
        });
        let parts = unsafe { PARTS };
        assert_eq!(parts, [round * (round + 1) / 2; 4]);
    }
}
