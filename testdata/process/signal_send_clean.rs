//! `pthread_kill` hands the data over to the handler in another thread, and an atomic hands it back.
use std::ffi::c_int;
use std::os::unix::thread::JoinHandleExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

unsafe extern "C" {
    fn signal(number: c_int, handler: extern "C" fn(c_int)) -> usize;
    fn pthread_kill(thread: usize, number: c_int) -> c_int;
}

const SIGUSR1: c_int = 10;
const TURNS: u64 = 200;
static DONE: AtomicU64 = AtomicU64::new(0);
static mut DATA: u64 = 0;

extern "C" fn handler(_: c_int) {
    unsafe { DATA += 1 };
    DONE.fetch_add(1, Ordering::Release);
}

fn main() {
    unsafe { signal(SIGUSR1, handler) };
    let target = thread::spawn(|| {
        while DONE.load(Ordering::Relaxed) < TURNS {
            thread::yield_now();
        }
    });
    for turn in 0..TURNS {
        unsafe { DATA += 1 };
        assert_eq!(unsafe { pthread_kill(target.as_pthread_t() as usize, SIGUSR1) }, 0);
        while DONE.load(Ordering::Acquire) == turn {
            thread::yield_now();
        }
    }
    target.join().unwrap();
    assert_eq!(unsafe { DATA }, 2 * TURNS);
}
