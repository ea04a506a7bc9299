//! A recursive mutex, locked twice: writes between the inner unlock and the outer one are ordered.
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
    fn pthread_mutexattr_init(attributes: *mut u32) -> c_int;
    fn pthread_mutexattr_settype(attributes: *mut u32, kind: c_int) -> c_int;
    fn pthread_mutex_init(mutex: *const Raw<40>, attributes: *const u32) -> c_int;
    fn pthread_mutex_destroy(mutex: *const Raw<40>) -> c_int;
    fn pthread_mutex_lock(mutex: *const Raw<40>) -> c_int;
    fn pthread_mutex_unlock(mutex: *const Raw<40>) -> c_int;
}

const PTHREAD_MUTEX_RECURSIVE: c_int = 1;

static LOCK: Raw<40> = Raw::new();
static mut DATA: u64 = 0;

fn init() {
    let mut attributes = 0;
    unsafe {
        assert_eq!(pthread_mutexattr_init(&mut attributes), 0);
        assert_eq!(pthread_mutexattr_settype(&mut attributes, PTHREAD_MUTEX_RECURSIVE), 0);
        assert_eq!(pthread_mutex_init(&LOCK, &attributes), 0);
    }
}

fn lock() {
    assert_eq!(unsafe { pthread_mutex_lock(&LOCK) }, 0);
}

fn unlock() {
    assert_eq!(unsafe { pthread_mutex_unlock(&LOCK) }, 0);
}

fn work() {
    for _ in 0..1000 {
        lock();
        unsafe { DATA += 1 };
        lock();
        unsafe { DATA += 1 };
        unlock();
        unsafe { DATA += 1 };
        unlock();
    }
}

fn main() {
    init();
    thread::scope(|s| {
        s.spawn(work);
        work();
    });
    assert_eq!(unsafe { DATA }, 6000);
    assert_eq!(unsafe { pthread_mutex_destroy(&LOCK) }, 0);
}
