//! Items pass one by one under a condition variable.
use std::sync::{Condvar, Mutex};
use std::thread;

static READY: Mutex<bool> = Mutex::new(false);
static CHANGED: Condvar = Condvar::new();
static mut ITEM: u64 = 0;

fn turn(mine: bool, work: impl FnOnce()) {
    let mut ready = READY.lock().unwrap();
    while *ready != mine {
        ready = CHANGED.wait(ready).unwrap();
    }
    drop(ready);
    work();
    *READY.lock().unwrap() = !mine;
    CHANGED.notify_one();
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            for i in 1..=200 {
                turn(true, || assert_eq!(unsafe { ITEM }, i));
            }
        });
        for i in 1..=200 {
            turn(false, || unsafe { ITEM = i });
        }
    });
}
