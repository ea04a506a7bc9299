//! Threads push into one vector under a lock.
use std::sync::Mutex;
use std::thread;

fn main() {
    let list = Mutex::new(Vec::new());
    thread::scope(|s| {
        for i in 0..4u64 {
            let list = &list;
            s.spawn(move || (0..100).for_each(|n| list.lock().unwrap().push(i * 100 + n)));
        }
    });
    let mut list = list.into_inner().unwrap();
    list.sort_unstable();
    assert!(list.into_iter().eq(0..400));
}
