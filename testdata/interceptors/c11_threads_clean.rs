//! The mutex, the condition variable and the flag of C11's threads.h.
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
    fn mtx_init(mutex: *const Raw<40>, kind: c_int) -> c_int;
    fn mtx_lock(mutex: *const Raw<40>) -> c_int;
    fn mtx_unlock(mutex: *const Raw<40>) -> c_int;
    fn mtx_destroy(mutex: *const Raw<40>);
    fn cnd_wait(cond: *const Raw<48>, mutex: *const Raw<40>) -> c_int;
    fn cnd_signal(cond: *const Raw<48>) -> c_int;
    fn call_once(flag: *const Raw<4>, function: extern "C" fn());
}

static LOCK: Raw<40> = Raw::new();
static CHANGED: Raw<48> = Raw::new();
static FLAG: Raw<4> = Raw::new();
static mut READY: bool = false;
static mut ONCE: u64 = 0;
static mut DATA: u64 = 0;

extern "C" fn initialise() {
    unsafe { ONCE += 1 };
}

fn lock() {
    assert_eq!(unsafe { mtx_lock(&LOCK) }, 0);
}

fn unlock() {
    assert_eq!(unsafe { mtx_unlock(&LOCK) }, 0);
}

fn main() {
    assert_eq!(unsafe { mtx_init(&LOCK, 0) }, 0);
    thread::scope(|s| {
        s.spawn(|| unsafe {
            call_once(&FLAG, initialise);
            assert_eq!({ ONCE }, 1);
            lock();
            while !READY {
                assert_eq!(cnd_wait(&CHANGED, &LOCK), 0);
            }
            unlock();
            assert_eq!({ DATA }, 1);
        });
        unsafe {
            call_once(&FLAG, initialise);
            assert_eq!({ ONCE }, 1);
            DATA = 1;
            lock();
            READY = true;
            assert_eq!(cnd_signal(&CHANGED), 0);
            unlock();
        }
    });
    unsafe { mtx_destroy(&LOCK) };
}
