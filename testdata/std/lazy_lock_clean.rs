//! Every thread forces the `LazyLock`.
use std::sync::LazyLock;
use std::thread;

static TABLE: LazyLock<Vec<u64>> = LazyLock::new(|| (0..100).map(|i| i * i).collect());

fn main() {
    thread::scope(|s| {
        for i in 0..8usize {
            s.spawn(move || {
                for k in 0..100 {
                    let at = (i * 13 + k) % 100;
                    assert_eq!(TABLE[at], (at * at) as u64);
                }
            });
        }
    });
}
