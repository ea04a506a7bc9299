//! A hundred thousand threads come and go; each is joined and adds to one counter.
//@ slow
use std::thread;

const THREADS: u64 = 100_000;
static mut COUNT: u64 = 0;

fn main() {
    for _ in 0..THREADS {
        thread::spawn(|| unsafe { COUNT += 1 }).join().unwrap();
    }
    assert_eq!(unsafe { COUNT }, THREADS);
}
