//! A local variable is read while its thread waits in the frame, and the hand-over is released and acquired.
use std::hint::black_box;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread;

static LOCAL: AtomicPtr<u64> = AtomicPtr::new(ptr::null_mut());

fn lend_a_local(value: u64) {
    let mut locals = [0u64; 8192];
    black_box(&mut locals);
    locals[100] = value;
    LOCAL.store(black_box(&mut locals[100]), Ordering::Release);
    while !LOCAL.load(Ordering::Acquire).is_null() {
        thread::yield_now();
    }
    assert_eq!(locals[100], value + 1);
}

fn main() {
    for round in 0..60 {
        let thread = thread::spawn(move || lend_a_local(round));
        let local = loop {
            let local = LOCAL.load(Ordering::Acquire);
            if !local.is_null() {
                break local;
            }
            thread::yield_now();
        };
        unsafe { *local += 1 };
        LOCAL.store(ptr::null_mut(), Ordering::Release);
        thread.join().unwrap();
    }
}
