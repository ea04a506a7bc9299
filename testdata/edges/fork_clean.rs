//! A program with threads forks again and again; child and parent both go on, the child with threads of its own.
use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

unsafe extern "C" {
    fn fork() -> c_int;
    fn waitpid(child: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn _exit(status: c_int) -> !;
}

static mut DATA: u64 = 0;

fn wait_for(child: c_int) -> c_int {
    let mut status = -1;
    assert_eq!(unsafe { waitpid(child, &mut status, 0) }, child);
    status
}
static STOP: AtomicBool = AtomicBool::new(false);
static ROUNDS: AtomicU64 = AtomicU64::new(0);

fn main() {
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                while !STOP.load(Ordering::Relaxed) {
                    ROUNDS.fetch_add(1, Ordering::Relaxed);
                    thread::yield_now();
                }
            });
        }
        for round in 1..=10 {
            unsafe { DATA += 1 };
            let child = unsafe { fork() };
            if child == 0 {
                let other = thread::spawn(|| unsafe { DATA += 1 });
                other.join().unwrap();
                unsafe { _exit(if DATA == round + 1 { 0 } else { 1 }) };
            }
            assert_eq!(wait_for(child), 0);
            assert_eq!(unsafe { DATA }, round);
        }
        STOP.store(true, Ordering::Relaxed);
    });
    assert!(ROUNDS.load(Ordering::Relaxed) > 0);
}
