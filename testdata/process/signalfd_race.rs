//! The data is written after the signal was sent, which another thread reads from a descriptor.
use std::ffi::c_int;
use std::{ptr, thread};

unsafe extern "C" {
    fn signalfd(fd: c_int, set: *const [u64; 16], flags: c_int) -> c_int;
    fn pthread_sigmask(how: c_int, set: *const [u64; 16], old: *mut [u64; 16]) -> c_int;
    fn kill(process: c_int, number: c_int) -> c_int;
    fn getpid() -> c_int;
    fn read(fd: c_int, buffer: *mut [u32; 32], count: usize) -> isize;
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

fn main() {
    let mut set = [0; 16];
    set[0] = 1 << (SIGUSR1 - 1);
    assert_eq!(unsafe { pthread_sigmask(SIG_BLOCK, &set, ptr::null_mut()) }, 0);
    let signals = unsafe { signalfd(-1, &set, 0) };
    thread::scope(|s| {
        s.spawn(|| {
            let mut information = [0; 32];
            assert_eq!(unsafe { read(signals, &mut information, 128) }, 128);
            step::wait(1);
            let data = unsafe { DATA }; // race: read
            assert_eq!((information[0], data), (SIGUSR1 as u32, 1));
            step::reach(2);
        });
        assert_eq!(unsafe { kill(getpid(), SIGUSR1) }, 0);
        unsafe { DATA = 1 }; // race: write
        step::reach(1);
        step::wait(2);
    });
}
