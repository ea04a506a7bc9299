//! A trylock that succeeds orders what follows after the last unlock.
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

unsafe extern "C" {
    fn pthread_mutex_lock(mutex: *const Raw<40>) -> c_int;
    fn pthread_mutex_trylock(mutex: *const Raw<40>) -> c_int;
    fn pthread_mutex_unlock(mutex: *const Raw<40>) -> c_int;
}

static LOCK: Raw<40> = Raw::new();
static mut DATA: u64 = 0;

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            // The other thread may not have locked yet, or may hold it.
            loop {
                while unsafe { pthread_mutex_trylock(&LOCK) } != 0 {
                    thread::yield_now();
                }
                let data = unsafe { DATA };
                assert_eq!(unsafe { pthread_mutex_unlock(&LOCK) }, 0);
                if data == 1000 {
                    break;
                }
            }
        });
        for _ in 0..1000 {
            assert_eq!(unsafe { pthread_mutex_lock(&LOCK) }, 0);
            unsafe { DATA += 1 };
            assert_eq!(unsafe { pthread_mutex_unlock(&LOCK) }, 0);
        }
    });
}
