//! `is_finished` tells when `join` won't block; the join orders.
use std::thread;

static mut RESULT: u64 = 0;

fn main() {
    for round in 1..=100 {
        let child = thread::spawn(move || unsafe { RESULT = round });
        while !child.is_finished() {
            thread::yield_now();
        }
        child.join().unwrap();
        let result = unsafe { RESULT };
        assert_eq!(result, round);
    }
}
