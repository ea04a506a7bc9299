//! A box's content changes hands with a lock.
use std::mem;
use std::sync::Mutex;
use std::thread;

fn main() {
    let object = Mutex::new(Box::new([0u64; 6]));
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                let mut mine = Box::new([0; 6]);
                for _ in 0..100 {
                    mem::swap(&mut mine, &mut *object.lock().unwrap());
                    mine.iter_mut().for_each(|n| *n += 1);
                }
            });
        }
    });
    let object = object.into_inner().unwrap();
    assert!(object.iter().all(|n| *n == object[0]));
}
