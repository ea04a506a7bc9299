//! Scoped threads own the disjoint parts that `split_at_mut` and `chunks_mut` give them.
use std::thread;

fn main() {
    let mut numbers = [0u32; 103];
    for _ in 0..40 {
        let (left, right) = numbers.split_at_mut(51);
        thread::scope(|s| {
            s.spawn(|| left.iter_mut().for_each(|n| *n += 1));
            for part in right.chunks_mut(13) {
                s.spawn(|| part.iter_mut().for_each(|n| *n += 1));
            }
        });
    }
    assert_eq!(numbers, [40; 103]);
}
