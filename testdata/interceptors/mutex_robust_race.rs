//! A robust mutex that was unlocked before the write; the end of the thread adds nothing.
//@ thread-state: any
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
    fn pthread_mutex_unlock(mutex: *const Raw<40>) -> c_int;
}

const PTHREAD_MUTEX_ROBUST: c_int = 1;

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
    init();
    let writer = thread::spawn(|| {
        lock();
        unlock();
        unsafe { DATA = 1 }; // race: write
        step::reach(1);
    });
    step::wait(1);
    lock();
    let data = unsafe { DATA }; // race: read
    unlock();
    assert_eq!(data, 1);
    writer.join().unwrap();
    assert_eq!(unsafe { pthread_mutex_destroy(&LOCK) }, 0);
}
