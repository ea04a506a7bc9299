//! A thread is cancelled while it waits for a condition. Its clean-up handler writes when it has unlocked the
//! mutex.
//@ thread-state: any
use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
use std::ptr;

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

/// What C's `pthread_cleanup_push` is for: a handler that runs if the thread is cancelled.
#[repr(C)]
struct Cleanup {
    routine: extern "C" fn(*mut c_void),
    argument: *mut c_void,
    cancel_type: c_int,
    previous: *mut c_void,
}

unsafe extern "C" {
    fn pthread_create(
        thread: *mut usize,
        attributes: *const c_void,
        function: extern "C" fn(*mut c_void) -> *mut c_void,
        argument: *mut c_void,
    ) -> c_int;
    fn pthread_cancel(thread: usize) -> c_int;
    fn pthread_join(thread: usize, value: *mut *mut c_void) -> c_int;
    fn pthread_mutex_lock(mutex: *const Raw<40>) -> c_int;
    fn pthread_mutex_unlock(mutex: *const Raw<40>) -> c_int;
    fn pthread_cond_wait(cond: *const Raw<48>, mutex: *const Raw<40>) -> c_int;
    fn _pthread_cleanup_push(
        cleanup: *mut Cleanup,
        routine: extern "C" fn(*mut c_void),
        argument: *mut c_void,
    );
}

static LOCK: Raw<40> = Raw::new();
static CHANGED: Raw<48> = Raw::new();
static mut WAITS: bool = false;
static mut DATA: u64 = 0;

fn lock() {
    assert_eq!(unsafe { pthread_mutex_lock(&LOCK) }, 0);
}

fn unlock() {
    assert_eq!(unsafe { pthread_mutex_unlock(&LOCK) }, 0);
}

/// Runs with the mutex locked.
extern "C" fn give_up(_: *mut c_void) {
    unlock();
    unsafe { DATA = 1 }; // race: write
    step::reach(1);
}

extern "C" fn wait(_: *mut c_void) -> *mut c_void {
    lock();
    let mut cleanup =
        Cleanup { routine: give_up, argument: ptr::null_mut(), cancel_type: 0, previous: ptr::null_mut() };
    unsafe {
        _pthread_cleanup_push(&mut cleanup, give_up, ptr::null_mut());
        WAITS = true;
        loop {
            assert_eq!(pthread_cond_wait(&CHANGED, &LOCK), 0);
        }
    }
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
    let mut thread = 0;
    assert_eq!(unsafe { pthread_create(&mut thread, ptr::null(), wait, ptr::null_mut()) }, 0);
    loop {
        lock();
        let waits = unsafe { WAITS };
        unlock();
        if waits {
            break;
        }
        std::thread::yield_now();
    }
    assert_eq!(unsafe { pthread_cancel(thread) }, 0);
    step::wait(1);
    lock();
    let data = unsafe { DATA }; // race: read
    unlock();
    assert_eq!(data, 1);
    assert_eq!(unsafe { pthread_join(thread, ptr::null_mut()) }, 0);
}
