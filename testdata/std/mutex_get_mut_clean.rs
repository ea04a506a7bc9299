//! `get_mut` after all threads that used the lock were joined.
use std::sync::Mutex;
use std::thread;

fn main() {
    let mut lock = Mutex::new(0u64);
    for round in 1..=50 {
        thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| {
                    for _ in 0..10 {
                        *lock.lock().unwrap() += 1;
                    }
                });
            }
        });
        let value = lock.get_mut().unwrap();
        *value += 1;
        assert_eq!(*value, round * 31);
    }
    assert_eq!(lock.into_inner().unwrap(), 50 * 31);
}
