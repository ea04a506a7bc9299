//! Plain writes before an atomic is shared and after it is not.
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

fn main() {
    let mut value = AtomicU32::new(0);
    for round in 1..=60 {
        *value.get_mut() += 1;
        thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| (0..10).for_each(|_| _ = value.fetch_add(1, Ordering::Relaxed)));
            }
        });
        assert_eq!(*value.get_mut(), round * 31);
    }
}
