//! A `RefCell` inside a lock.
use std::cell::RefCell;
use std::sync::Mutex;
use std::thread;

static VALUE: Mutex<RefCell<u64>> = Mutex::new(RefCell::new(0));

fn main() {
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                for _ in 0..150 {
                    let value = VALUE.lock().unwrap();
                    *value.borrow_mut() += 1;
                    assert!(*value.borrow() > 0);
                }
            });
        }
    });
    assert_eq!(*VALUE.lock().unwrap().borrow(), 450);
}
