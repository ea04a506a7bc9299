//! Two threads append to copies of one prefix.
use std::thread;

fn main() {
    let prefix = vec![1u32, 2, 3];
    thread::scope(|s| {
        for me in 0..4 {
            let prefix = &prefix;
            s.spawn(move || {
                for _ in 0..60 {
                    let mut mine = prefix.clone();
                    mine.extend([me; 10]);
                    assert_eq!(mine[..3], [1, 2, 3]);
                    assert_eq!(mine[12], me);
                }
            });
        }
    });
}
