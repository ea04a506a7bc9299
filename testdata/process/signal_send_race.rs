//! The data is written after the signal was sent, whose handler reads it.
use std::ffi::c_int;
use std::os::unix::thread::JoinHandleExt;
use std::{ptr, thread};

unsafe extern "C" {
    fn signal(number: c_int, handler: extern "C" fn(c_int)) -> usize;
    fn pthread_kill(thread: usize, number: c_int) -> c_int;
    fn pthread_sigmask(how: c_int, set: *const [u64; 16], old: *mut [u64; 16]) -> c_int;
    fn sigsuspend(mask: *const [u64; 16]) -> c_int;
}

const SIG_BLOCK: c_int = 0;
const SIGUSR1: c_int = 10;
static mut DATA: u64 = 0;

/// Fixes the order in real time. Relaxed, so that no happens-before edge comes with it.
mod step {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    static NOW: AtomicU32 = AtomicU32::new(0);

    pub fn reach(step: u32) {
        NOW.store(step, Relaxed);
    }

    pub fn wait(step: u32) {
        while NOW.load(Relaxed) < step {
            std::thread::yield_now();
        }
    }
}

extern "C" fn handler(_: c_int) {
    step::wait(1);
    let data = unsafe { DATA }; // race: read
    assert_eq!(data, 1);
}

fn main() {
    let mut set = [0; 16];
    set[0] = 1 << (SIGUSR1 - 1);
    unsafe { signal(SIGUSR1, handler) };
    assert_eq!(unsafe { pthread_sigmask(SIG_BLOCK, &set, ptr::null_mut()) }, 0);
    let target = thread::spawn(|| assert_eq!(unsafe { sigsuspend(&[0; 16]) }, -1));
    assert_eq!(unsafe { pthread_kill(target.as_pthread_t() as usize, SIGUSR1) }, 0);
    unsafe { DATA = 1 }; // race: write
    step::reach(1);
    target.join().unwrap();
}
