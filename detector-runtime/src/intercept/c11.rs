//! C11's `threads.h`. glibc's functions of that header do not go through those of pthread that a program can
//! see, so they are intercepted by themselves: the same objects, the same events, other results.

use alloc::boxed::Box;
use core::ffi::{c_int, c_void};

use super::cond::without_mutex;
use super::real::real;
use super::{intercept, mutex, once, thread};
use crate::gate::enter;

/// `thrd_success`.
const SUCCESS: c_int = 0;
/// `thrd_error`.
const ERROR: c_int = 2;
/// `thrd_nomem`.
const NO_MEMORY: c_int = 3;

real! {
    fn thrd_join(handle: libc::pthread_t, value: *mut c_int) -> c_int;
    fn thrd_detach(handle: libc::pthread_t) -> c_int;
    fn mtx_init(mutex: *mut c_void, kind: c_int) -> c_int;
    fn mtx_destroy(mutex: *mut c_void);
    fn mtx_lock(mutex: *mut c_void) -> c_int;
    fn mtx_trylock(mutex: *mut c_void) -> c_int;
    fn mtx_timedlock(mutex: *mut c_void, until: *const libc::timespec) -> c_int;
    fn mtx_unlock(mutex: *mut c_void) -> c_int;
    fn cnd_wait(cond: *mut c_void, mutex: *mut c_void) -> c_int;
    fn cnd_timedwait(cond: *mut c_void, mutex: *mut c_void, until: *const libc::timespec) -> c_int;
}

/// What a thread of C11 begins with.
struct Start {
    function: extern "C" fn(*mut c_void) -> c_int,
    argument: *mut c_void,
}

extern "C" fn begin(start: *mut c_void) -> *mut c_void {
    // SAFETY: it is the box that `thrd_create` below passed on, to this thread alone.
    let Start { function, argument } = unsafe { *Box::from_raw(start.cast::<Start>()) };
    let value = function(argument);
    // As `thrd_exit` does, and as `thrd_join` reads it.
    core::ptr::without_provenance_mut(value as usize)
}

intercept! {
    /// A thread as of `pthread_create`: in glibc they differ in the type of the function only.
    fn racecheck_intercept_thrd_create(
        handle: *mut libc::pthread_t, function: extern "C" fn(*mut c_void) -> c_int, argument: *mut c_void; pc in "rcx"
    ) -> c_int {
        let start = enter(|_, _| Box::into_raw(Box::new(Start { function, argument })));
        let Some(start) = start else { return ERROR };
        let result = thread::create(handle, core::ptr::null(), begin, start.cast(), pc);
        if result != 0 {
            // No thread was given it.
            enter(|_, _| drop(Box::from_raw(start)));
        }
        match result {
            0 => SUCCESS,
            libc::ENOMEM => NO_MEMORY,
            _ => ERROR,
        }
    }
}

intercept! {
    fn racecheck_intercept_thrd_join(handle: libc::pthread_t, value: *mut c_int) -> c_int {
        let id = thread::take(handle);
        let result = thrd_join(handle, value);
        thread::joined(result, handle, id);
        result
    }
}

intercept! {
    fn racecheck_intercept_thrd_detach(handle: libc::pthread_t) -> c_int {
        let id = thread::take(handle);
        let result = thrd_detach(handle);
        thread::detached(id);
        result
    }
}

fn locked(result: c_int, mutex: *mut c_void) -> c_int {
    if result == SUCCESS {
        mutex::acquire(mutex);
    }
    result
}

intercept! {
    fn racecheck_intercept_mtx_init(mutex: *mut c_void, kind: c_int) -> c_int {
        mutex::renewed(mtx_init(mutex, kind), mutex)
    }
}

intercept! {
    fn racecheck_intercept_mtx_destroy(mutex: *mut c_void) {
        mtx_destroy(mutex);
        mutex::renewed(SUCCESS, mutex);
    }
}

intercept! {
    fn racecheck_intercept_mtx_lock(mutex: *mut c_void) -> c_int {
        locked(mtx_lock(mutex), mutex)
    }
}

intercept! {
    fn racecheck_intercept_mtx_trylock(mutex: *mut c_void) -> c_int {
        locked(mtx_trylock(mutex), mutex)
    }
}

intercept! {
    fn racecheck_intercept_mtx_timedlock(mutex: *mut c_void, until: *const libc::timespec) -> c_int {
        locked(mtx_timedlock(mutex, until), mutex)
    }
}

intercept! {
    fn racecheck_intercept_mtx_unlock(mutex: *mut c_void) -> c_int {
        mutex::release(mutex);
        mtx_unlock(mutex)
    }
}

intercept! {
    fn racecheck_intercept_cnd_wait(cond: *mut c_void, mutex: *mut c_void) -> c_int {
        without_mutex(mutex, || cnd_wait(cond, mutex))
    }
}

intercept! {
    fn racecheck_intercept_cnd_timedwait(
        cond: *mut c_void, mutex: *mut c_void, until: *const libc::timespec,
    ) -> c_int {
        without_mutex(mutex, || cnd_timedwait(cond, mutex, until))
    }
}

intercept! {
    fn racecheck_intercept_call_once(flag: *mut c_int, function: extern "C" fn()) {
        once::once(flag, function);
    }
}
