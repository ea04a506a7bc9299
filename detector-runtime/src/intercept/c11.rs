//! C11's `threads.h`. glibc's functions of that header do not go through those of pthread that a program can
//! see, so they are intercepted by themselves: the same objects, the same events, other results.

use core::ffi::{c_int, c_void};

use super::cond::without_mutex;
use super::real::real;
use super::{intercept, mutex, once};

/// `thrd_success`.
const SUCCESS: c_int = 0;

real! {
    fn mtx_init(mutex: *mut c_void, kind: c_int) -> c_int;
    fn mtx_destroy(mutex: *mut c_void);
    fn mtx_lock(mutex: *mut c_void) -> c_int;
    fn mtx_trylock(mutex: *mut c_void) -> c_int;
    fn mtx_timedlock(mutex: *mut c_void, until: *const libc::timespec) -> c_int;
    fn mtx_unlock(mutex: *mut c_void) -> c_int;
    fn cnd_wait(cond: *mut c_void, mutex: *mut c_void) -> c_int;
    fn cnd_timedwait(cond: *mut c_void, mutex: *mut c_void, until: *const libc::timespec) -> c_int;
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
