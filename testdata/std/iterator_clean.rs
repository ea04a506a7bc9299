//! A thread iterates over a copy that it made under the lock.
use std::sync::Mutex;
use std::thread;

fn main() {
    let list = Mutex::new(Vec::new());
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| (0..150u64).for_each(|n| list.lock().unwrap().push(n)));
            s.spawn(|| {
                for _ in 0..30 {
                    let copy = list.lock().unwrap().clone();
                    assert!(copy.iter().all(|n| *n < 150));
                }
            });
        }
    });
    assert_eq!(list.into_inner().unwrap().len(), 300);
}
