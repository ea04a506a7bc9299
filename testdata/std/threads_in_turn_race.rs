//! One thread ends before the next begins, and nothing orders them: std's own bookkeeping of threads is no edge.
//@ thread-state: any
use std::hint::black_box;
use std::thread;
use std::time::Duration;

static mut COUNT: u64 = 0;

#[inline(never)]
fn bump() {
    unsafe { *black_box(&raw mut COUNT) += 1 }; // race: write, write
}

fn main() {
    let first = thread::spawn(bump);
    thread::sleep(Duration::from_millis(50));
    let second = thread::spawn(bump);
    first.join().unwrap();
    second.join().unwrap();
}
