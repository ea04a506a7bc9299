//! A list grows under a lock, in several threads.
use std::sync::Mutex;
use std::thread;

static LIST: Mutex<Vec<u64>> = Mutex::new(Vec::new());

fn main() {
    thread::scope(|s| {
        for n in 0..4 {
            s.spawn(move || {
                for i in 0..200 {
                    let mut list = LIST.lock().unwrap();
                    list.reserve(1 + i % 50);
                    list.push(n);
                    if i % 20 == 0 {
                        list.shrink_to_fit();
                    }
                }
            });
        }
    });
    let list = LIST.lock().unwrap();
    assert!((0..4).all(|n| list.iter().filter(|&&e| e == n).count() == 200));
}
