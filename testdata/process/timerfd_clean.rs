//! Who reads from a timer that its time is up comes after whoever set it.
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
const ROUNDS: u64 = 20;

static mut DATA: u64 = 0;

fn main() {
    let timers: [c_int; 2] = std::array::from_fn(|_| unsafe { timerfd_create(CLOCK_MONOTONIC, 0) });
    let set = |timer| unsafe { timerfd_settime(timer, 0, &[0, 0, 0, 50_000], ptr::null_mut()) };
    let wait = |timer| {
        let mut times = 0;
        assert_eq!(unsafe { read(timer, &mut times, 8) }, 8);
        assert_eq!(times, 1);
    };
    thread::scope(|s| {
        s.spawn(|| {
            for _ in 0..ROUNDS {
                wait(timers[0]);
                unsafe { DATA += 1 };
                assert_eq!(set(timers[1]), 0);
            }
        });
        for _ in 0..ROUNDS {
            unsafe { DATA += 1 };
            assert_eq!(set(timers[0]), 0);
            wait(timers[1]);
        }
    });
    assert_eq!(unsafe { DATA }, 2 * ROUNDS);
}
