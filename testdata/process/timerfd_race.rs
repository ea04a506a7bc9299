//! The data is written after the timer was set, and read when its time is up.
use std::ffi::c_int;
use std::{ptr, thread};

/// The kernel's `struct itimerspec`: seconds and nanoseconds, of the interval and of the first time.
type Times = [i64; 4];

unsafe extern "C" {
    fn timerfd_create(clock: c_int, flags: c_int) -> c_int;
    fn timerfd_settime(timer: c_int, flags: c_int, new: *const Times, old: *mut Times) -> c_int;
    fn read(fd: c_int, buffer: *mut u64, count: usize) -> isize;
}

const CLOCK_MONOTONIC: c_int = 1;

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
    let timer = unsafe { timerfd_create(CLOCK_MONOTONIC, 0) };
    thread::scope(|s| {
        s.spawn(|| {
            let mut times = 0;
            assert_eq!(unsafe { read(timer, &mut times, 8) }, 8);
            step::wait(1);
            let data = unsafe { DATA }; // race: read
            assert_eq!((times, data), (1, 1));
            step::reach(2);
        });
        assert_eq!(unsafe { timerfd_settime(timer, 0, &[0, 0, 0, 50_000], ptr::null_mut()) }, 0);
        unsafe { DATA = 1 }; // race: write
        step::reach(1);
        step::wait(2);
    });
}
