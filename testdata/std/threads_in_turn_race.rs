//! One thread ends before the next begins, and nothing orders them: std's own bookkeeping of threads is no edge.
use std::ffi::c_int;
use std::fs;
use std::hint::black_box;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;

static mut COUNT: u64 = 0;

#[inline(never)]
fn bump() {
    unsafe { *black_box(&raw mut COUNT) += 1 }; // race: any, write
}

static FIRST: AtomicI32 = AtomicI32::new(0);

unsafe extern "C" {
    fn gettid() -> c_int;
}

fn main() {
    let first = thread::spawn(|| {
        bump();
        FIRST.store(unsafe { gettid() }, Ordering::Relaxed);
    });
    while FIRST.load(Ordering::Relaxed) == 0 {
        thread::yield_now();
    }
    // The kernel knows that it is gone; to ask orders nothing.
    while fs::exists(format!("/proc/self/task/{}", FIRST.load(Ordering::Relaxed))).unwrap() {
        thread::yield_now();
    }
    let second = thread::spawn(bump);
    first.join().unwrap();
    second.join().unwrap();
    assert_eq!(unsafe { COUNT }, 2);
}
