//! Mutexes that are made, used by two threads, and dropped; their memory comes back as mutexes and as plain data.
use std::sync::Mutex;
use std::thread;

fn main() {
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                for round in 0..60u64 {
                    let lock = Box::new(Mutex::new(round));
                    thread::scope(|s| {
                        s.spawn(|| *lock.lock().unwrap() += 1);
                        *lock.lock().unwrap() += 1;
                    });
                    assert_eq!(lock.into_inner().unwrap(), round + 2);
                    let plain = Box::new([round; 2]);
                    assert_eq!(plain[1], round);
                }
            });
        }
    });
}
