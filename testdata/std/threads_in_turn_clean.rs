//! One thread ends before the next begins, and the join between them orders them.
use std::hint::black_box;
use std::thread;

static mut COUNT: u64 = 0;

#[inline(never)]
fn bump() {
    unsafe { *black_box(&raw mut COUNT) += 1 };
}

fn main() {
    for _ in 0..100 {
        thread::spawn(bump).join().unwrap();
        thread::spawn(bump).join().unwrap();
    }
    assert_eq!(unsafe { COUNT }, 200);
}
