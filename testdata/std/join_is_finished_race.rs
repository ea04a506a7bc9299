//! `is_finished` tells that the thread's work is over, but it is a relaxed look at a counter, not a join.
//@ thread-state: any
use std::thread;

static mut RESULT: u64 = 0;

fn main() {
    let child = thread::spawn(|| unsafe { RESULT = 1 }); // race: write
    while !child.is_finished() {
        thread::yield_now();
    }
    let result = unsafe { RESULT }; // race: read
    assert_eq!(result, 1);
    child.join().unwrap();
}
