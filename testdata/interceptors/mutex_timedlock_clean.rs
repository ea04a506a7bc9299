//! A timed lock that succeeds orders as any lock.
use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::thread;

/// A pthread object, all of it zero: what its static initialiser gives.
#[repr(C, align(8))]
struct Raw<const SIZE: usize>(UnsafeCell<[u8; SIZE]>);

// SAFETY: pthread objects are made for several threads.
unsafe impl<const SIZE: usize> Sync for Raw<SIZE> {}

impl<const SIZE: usize> Raw<SIZE> {
    const fn new() -> Self {
        Raw(UnsafeCell::new([0; SIZE]))
    }
}

#[repr(C)]
#[derive(Default)]
struct Time {
    seconds: i64,
    nanoseconds: i64,
}

unsafe extern "C" {
    fn clock_gettime(clock: c_int, time: *mut Time) -> c_int;
    fn pthread_mutex_lock(mutex: *const Raw<40>) -> c_int;
    fn pthread_mutex_timedlock(mutex: *const Raw<40>, until: *const Time) -> c_int;
    fn pthread_mutex_unlock(mutex: *const Raw<40>) -> c_int;
}

const CLOCK_REALTIME: c_int = 0;

static LOCK: Raw<40> = Raw::new();
static mut DATA: u64 = 0;

fn in_seconds(seconds: i64) -> Time {
    let mut time = Time::default();
    assert_eq!(unsafe { clock_gettime(CLOCK_REALTIME, &mut time) }, 0);
    time.seconds += seconds;
    time
}

fn main() {
    let add = || {
        for _ in 0..1000 {
            unsafe {
                assert_eq!(pthread_mutex_timedlock(&LOCK, &in_seconds(3600)), 0);
                DATA += 1;
                assert_eq!(pthread_mutex_unlock(&LOCK), 0);
                assert_eq!(pthread_mutex_lock(&LOCK), 0);
                DATA += 1;
                assert_eq!(pthread_mutex_unlock(&LOCK), 0);
            }
        }
    };
    thread::scope(|s| {
        s.spawn(add);
        add();
    });
    assert_eq!(unsafe { DATA }, 4000);
}
