//! The owner of a robust mutex ends without unlocking it; whoever locks it next goes on where he stopped.
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
    fn pthread_mutexattr_setrobust(attributes: *mut u32, robust: c_int) -> c_int;
    fn pthread_mutex_init(mutex: *const Raw<40>, attributes: *const u32) -> c_int;
    fn pthread_mutex_destroy(mutex: *const Raw<40>) -> c_int;
    fn pthread_mutex_lock(mutex: *const Raw<40>) -> c_int;
    fn pthread_mutex_consistent(mutex: *const Raw<40>) -> c_int;
    fn pthread_mutex_unlock(mutex: *const Raw<40>) -> c_int;
}

const PTHREAD_MUTEX_ROBUST: c_int = 1;
const EOWNERDEAD: c_int = 130;

static LOCK: Raw<40> = Raw::new();
static mut DATA: u64 = 0;

fn init() {
    let mut attributes = 0;
    unsafe {
        assert_eq!(pthread_mutexattr_init(&mut attributes), 0);
        assert_eq!(pthread_mutexattr_setrobust(&mut attributes, PTHREAD_MUTEX_ROBUST), 0);
        assert_eq!(pthread_mutex_init(&LOCK, &attributes), 0);
    }
}

fn lock() {
    assert_eq!(unsafe { pthread_mutex_lock(&LOCK) }, 0);
}

fn unlock() {
    assert_eq!(unsafe { pthread_mutex_unlock(&LOCK) }, 0);
}

fn main() {
    init();
    let (send, receive) = std::sync::mpsc::channel();
    thread::spawn(move || {
        lock();
        // The channel orders what comes before it; the write comes after.
        send.send(()).unwrap();
        unsafe { DATA = 1 };
    });
    receive.recv().unwrap();
    assert_eq!(unsafe { pthread_mutex_lock(&LOCK) }, EOWNERDEAD);
    assert_eq!(unsafe { DATA }, 1);
    assert_eq!(unsafe { pthread_mutex_consistent(&LOCK) }, 0);
    unlock();
    lock();
    unlock();
    assert_eq!(unsafe { pthread_mutex_destroy(&LOCK) }, 0);
}
