//! The data is written after the signal was sent that another thread waits for.
use std::ffi::c_int;
use std::process;
use std::ptr;
use std::thread;

unsafe extern "C" {
    fn pthread_sigmask(how: c_int, set: *const Set, old: *mut Set) -> c_int;
    fn sigwait(set: *const Set, signal: *mut c_int) -> c_int;
    fn kill(process: c_int, signal: c_int) -> c_int;
}

const SIG_BLOCK: c_int = 0;
const SIGUSR1: c_int = 10;
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

fn main() {
    let set = Set::of(SIGUSR1);
    assert_eq!(unsafe { pthread_sigmask(SIG_BLOCK, &set, ptr::null_mut()) }, 0);
    thread::scope(|s| {
        s.spawn(|| {
            let mut signal = 0;
            assert_eq!(unsafe { sigwait(&set, &mut signal) }, 0);
            step::wait(1);
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        assert_eq!(unsafe { kill(process::id() as c_int, SIGUSR1) }, 0);
        unsafe { DATA = 1 }; // race: write
        step::reach(1);
    });
}
