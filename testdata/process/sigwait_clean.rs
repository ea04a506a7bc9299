//! A thread waits for signals with `sigwait`; `kill` hands the data over, an atomic hands it back.
use std::ffi::c_int;
use std::process;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

unsafe extern "C" {
    fn pthread_sigmask(how: c_int, set: *const Set, old: *mut Set) -> c_int;
    fn sigwait(set: *const Set, signal: *mut c_int) -> c_int;
    fn kill(process: c_int, signal: c_int) -> c_int;
}

const SIG_BLOCK: c_int = 0;
const SIGUSR1: c_int = 10;
const TURNS: u64 = 200;
static DONE: AtomicU64 = AtomicU64::new(0);
static mut DATA: u64 = 0;

/// `sigset_t`, with one signal in it.
#[repr(C)]
struct Set([u64; 16]);

impl Set {
    fn of(signal: c_int) -> Set {
        let mut words = [0; 16];
        words[0] = 1 << (signal - 1);
        Set(words)
    }
}

fn main() {
    let set = Set::of(SIGUSR1);
    assert_eq!(unsafe { pthread_sigmask(SIG_BLOCK, &set, ptr::null_mut()) }, 0);
    thread::scope(|s| {
        s.spawn(|| {
            for _ in 0..TURNS {
                let mut signal = 0;
                assert_eq!(unsafe { sigwait(&set, &mut signal) }, 0);
                assert_eq!(signal, SIGUSR1);
                unsafe { DATA += 1 };
                DONE.fetch_add(1, Ordering::Release);
            }
        });
        for turn in 0..TURNS {
            unsafe { DATA += 1 };
            assert_eq!(unsafe { kill(process::id() as c_int, SIGUSR1) }, 0);
            while DONE.load(Ordering::Acquire) == turn {
                thread::yield_now();
            }
        }
    });
    assert_eq!(unsafe { DATA }, 2 * TURNS);
}
