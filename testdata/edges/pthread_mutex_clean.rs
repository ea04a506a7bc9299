//! Threads count under a pthread mutex.
use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::thread;

/// glibc's `pthread_mutex_t`; all zero is `PTHREAD_MUTEX_INITIALIZER`.
#[repr(C, align(8))]
struct Mutex(UnsafeCell<[u8; 40]>);

// SAFETY: a pthread mutex is made for several threads.
unsafe impl Sync for Mutex {}

unsafe extern "C" {
    fn pthread_mutex_lock(mutex: *const Mutex) -> c_int;
    fn pthread_mutex_unlock(mutex: *const Mutex) -> c_int;
}

static LOCK: Mutex = Mutex(UnsafeCell::new([0; 40]));
static mut COUNT: u64 = 0;

fn main() {
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..200 {
                    assert_eq!(unsafe { pthread_mutex_lock(&LOCK) }, 0);
                    unsafe { COUNT += 1 };
                    assert_eq!(unsafe { pthread_mutex_unlock(&LOCK) }, 0);
                }
            });
        }
    });
    assert_eq!(unsafe { COUNT }, 800);
}
