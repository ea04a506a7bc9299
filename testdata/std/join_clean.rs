//! The parent joins all children before it reads what they wrote.
use std::thread;

static mut RESULT: [u64; 8] = [0; 8];

fn main() {
    for round in 1..=30 {
        let children: Vec<_> = (0..8)
            .map(|i| {
                thread::spawn(move || {
                    unsafe { RESULT[i] += round };
                    i
                })
            })
            .collect();
        for (i, child) in children.into_iter().enumerate() {
            assert_eq!(child.join().unwrap(), i);
        }
        let result = unsafe { RESULT };
        assert_eq!(result, [round * (round + 1) / 2; 8]);
    }
}
