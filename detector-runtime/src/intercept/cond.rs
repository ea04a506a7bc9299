//! Condition variables: a wait gives the mutex back and takes it again.
//!
//! The mutex is all that orders: POSIX lets a wait return without a signal, so a signal orders nothing by
//! itself, and `pthread_cond_signal`, `pthread_cond_broadcast`, `pthread_cond_init` and `pthread_cond_destroy`
//! need no interceptor.
//!
//! A wait may also end by cancellation of the thread. Then its clean-up handlers run with the mutex locked,
//! so the acquire is one of them.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;

use super::intercept;
use super::mutex::{self, Mutex};
use super::real::real;

type Cond = libc::pthread_cond_t;

real! {
    fn pthread_cond_wait(cond: *mut Cond, mutex: *mut Mutex) -> c_int;
    fn pthread_cond_timedwait(cond: *mut Cond, mutex: *mut Mutex, until: *const libc::timespec) -> c_int;
    fn pthread_cond_clockwait(
        cond: *mut Cond, mutex: *mut Mutex, clock: libc::clockid_t, until: *const libc::timespec,
    ) -> c_int;
}

/// glibc's `struct _pthread_cleanup_buffer`.
#[repr(C)]
struct Cleanup {
    routine: extern "C" fn(*mut c_void),
    argument: *mut c_void,
    cancel_type: c_int,
    previous: *mut Cleanup,
}

unsafe extern "C" {
    fn _pthread_cleanup_push(
        buffer: *mut Cleanup,
        routine: extern "C" fn(*mut c_void),
        argument: *mut c_void,
    );
    fn _pthread_cleanup_pop(buffer: *mut Cleanup, execute: c_int);
}

extern "C" fn reacquire(mutex: *mut c_void) {
    mutex::acquire(mutex);
}

/// A wait of any kind, during which the running thread does not hold `mutex`.
///
/// # Safety
/// `wait` waits with `mutex`, which the running thread holds.
pub(super) unsafe fn without_mutex<T>(mutex: *mut T, wait: impl FnOnce() -> c_int) -> c_int {
    mutex::release(mutex);
    let mut cleanup = MaybeUninit::uninit();
    // SAFETY: the buffer is on the stack and taken out of the thread's list before it goes: here, or by libc when
    // it leaves this frame.
    unsafe { _pthread_cleanup_push(cleanup.as_mut_ptr(), reacquire, mutex.cast()) };
    let result = wait();
    // SAFETY: it was pushed above, and whatever was pushed since was popped.
    unsafe { _pthread_cleanup_pop(cleanup.as_mut_ptr(), 0) };
    if result != libc::ENOTRECOVERABLE {
        mutex::acquire(mutex);
    }
    result
}

intercept! {
    fn racecheck_intercept_pthread_cond_wait(cond: *mut Cond, mutex: *mut Mutex) -> c_int {
        without_mutex(mutex, || pthread_cond_wait(cond, mutex))
    }
}

intercept! {
    fn racecheck_intercept_pthread_cond_timedwait(
        cond: *mut Cond, mutex: *mut Mutex, until: *const libc::timespec,
    ) -> c_int {
        without_mutex(mutex, || pthread_cond_timedwait(cond, mutex, until))
    }
}

intercept! {
    fn racecheck_intercept_pthread_cond_clockwait(
        cond: *mut Cond, mutex: *mut Mutex, clock: libc::clockid_t, until: *const libc::timespec,
    ) -> c_int {
        without_mutex(mutex, || pthread_cond_clockwait(cond, mutex, clock, until))
    }
}
