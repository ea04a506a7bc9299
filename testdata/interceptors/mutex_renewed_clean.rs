//! A mutex is destroyed and its memory becomes another mutex, which orders as the first one did.
use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::ptr;
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
    fn pthread_mutex_init(mutex: *const Raw<40>, attributes: *const c_void) -> c_int;
    fn pthread_mutex_destroy(mutex: *const Raw<40>) -> c_int;
    fn pthread_mutex_lock(mutex: *const Raw<40>) -> c_int;
    fn pthread_mutex_unlock(mutex: *const Raw<40>) -> c_int;
}

static LOCK: Raw<40> = Raw::new();
static mut DATA: u64 = 0;

fn main() {
    for _ in 0..100 {
        assert_eq!(unsafe { pthread_mutex_init(&LOCK, ptr::null()) }, 0);
        let add = || unsafe {
            assert_eq!(pthread_mutex_lock(&LOCK), 0);
            DATA += 1;
            assert_eq!(pthread_mutex_unlock(&LOCK), 0);
        };
        thread::scope(|s| {
            s.spawn(add);
            add();
        });
        assert_eq!(unsafe { pthread_mutex_destroy(&LOCK) }, 0);
    }
    assert_eq!(unsafe { DATA }, 200);
}
