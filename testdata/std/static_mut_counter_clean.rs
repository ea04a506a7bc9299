//! Threads increment counters of their own, and the parent adds them up.
use std::thread;

static mut COUNTS: [u64; 4] = [0; 4];

fn bump(me: usize) {
    unsafe { COUNTS[me] += 1 };
}

fn main() {
    thread::scope(|s| {
        for me in 0..4 {
            s.spawn(move || (0..500).for_each(|_| bump(me)));
        }
    });
    let counts = unsafe { COUNTS };
    assert_eq!(counts.iter().sum::<u64>(), 2000);
}
