//! The parent writes before each spawn.
use std::thread;

static mut INPUT: u64 = 0;

fn main() {
    for round in 1..=60 {
        unsafe { INPUT = round };
        let children: Vec<_> = (0..3)
            .map(|_| {
                thread::spawn(move || {
                    let input = unsafe { INPUT };
                    assert_eq!(input, round);
                })
            })
            .collect();
        children.into_iter().for_each(|child| child.join().unwrap());
    }
}
