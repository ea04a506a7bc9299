//! One thread is joined before the next begins.
use std::hint::black_box;
use std::thread;

static mut COUNT: u64 = 0;

#[inline(never)]
fn bump() {
    unsafe { *black_box(&raw mut COUNT) += 1 };
}

fn main() {
    let first = thread::spawn(bump);
    first.join().unwrap();
    let second = thread::spawn(bump);
    second.join().unwrap();
    assert_eq!(unsafe { COUNT }, 2);
}
