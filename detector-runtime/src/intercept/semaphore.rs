//! Semaphores: a post is ordered before the waits that it lets through.
//!
//! A semaphore is a counter that is changed by read-modify-writes, so a wait is ordered after all posts before
//! it, as with a release sequence. The release comes before the real post and the acquire after the real
//! wait; a post of another thread that comes between a wait and its acquire is taken for an earlier one.

use alloc::collections::BTreeMap;
use core::ffi::{c_char, c_int, c_uint};

use racecheck_engine::Channel;

use super::intercept;
use super::mutex;
use super::real::real;
use crate::gate::enter;
use crate::lock::SpinLock;

type Semaphore = libc::sem_t;

real! {
    fn sem_init(semaphore: *mut Semaphore, shared: c_int, value: c_uint) -> c_int;
    fn sem_destroy(semaphore: *mut Semaphore) -> c_int;
    fn sem_open(name: *const c_char, flags: c_int, mode: libc::mode_t, value: c_uint) -> *mut Semaphore;
    fn sem_close(semaphore: *mut Semaphore) -> c_int;
    fn sem_wait(semaphore: *mut Semaphore) -> c_int;
    fn sem_trywait(semaphore: *mut Semaphore) -> c_int;
    fn sem_timedwait(semaphore: *mut Semaphore, until: *const libc::timespec) -> c_int;
    fn sem_clockwait(
        semaphore: *mut Semaphore, clock: libc::clockid_t, until: *const libc::timespec,
    ) -> c_int;
    fn sem_post(semaphore: *mut Semaphore) -> c_int;
}

/// How often each named semaphore is open: to open it again gives the same address, and the last close unmaps
/// it.
static OPEN: SpinLock<BTreeMap<usize, usize>> = SpinLock::new(BTreeMap::new());

fn waited(result: c_int, semaphore: *mut Semaphore) -> c_int {
    if result == 0 {
        mutex::acquire(semaphore);
    }
    result
}

intercept! {
    fn racecheck_intercept_sem_init(semaphore: *mut Semaphore, shared: c_int, value: c_uint) -> c_int {
        mutex::renewed(sem_init(semaphore, shared, value), semaphore)
    }
}

intercept! {
    fn racecheck_intercept_sem_destroy(semaphore: *mut Semaphore) -> c_int {
        mutex::renewed(sem_destroy(semaphore), semaphore)
    }
}

intercept! {
    /// C declares the last two as variable arguments, which the caller passes in the same registers.
    fn racecheck_intercept_sem_open(
        name: *const c_char, flags: c_int, mode: libc::mode_t, value: c_uint,
    ) -> *mut Semaphore {
        let semaphore = sem_open(name, flags, mode, value);
        if semaphore != libc::SEM_FAILED {
            enter(|_, _| *OPEN.lock().entry(semaphore as usize).or_insert(0) += 1);
        }
        semaphore
    }
}

intercept! {
    fn racecheck_intercept_sem_close(semaphore: *mut Semaphore) -> c_int {
        // Before the real close: afterwards the address may be another semaphore's.
        enter(|rt, _| {
            let mut open = OPEN.lock();
            let Some(count) = open.get_mut(&(semaphore as usize)) else { return };
            *count -= 1;
            if *count == 0 {
                open.remove(&(semaphore as usize));
                rt.engine.forget(semaphore as u64, Channel::OWNER);
            }
        });
        sem_close(semaphore)
    }
}

intercept! {
    fn racecheck_intercept_sem_wait(semaphore: *mut Semaphore) -> c_int {
        waited(sem_wait(semaphore), semaphore)
    }
}

intercept! {
    fn racecheck_intercept_sem_trywait(semaphore: *mut Semaphore) -> c_int {
        waited(sem_trywait(semaphore), semaphore)
    }
}

intercept! {
    fn racecheck_intercept_sem_timedwait(semaphore: *mut Semaphore, until: *const libc::timespec) -> c_int {
        waited(sem_timedwait(semaphore, until), semaphore)
    }
}

intercept! {
    fn racecheck_intercept_sem_clockwait(
        semaphore: *mut Semaphore, clock: libc::clockid_t, until: *const libc::timespec,
    ) -> c_int {
        waited(sem_clockwait(semaphore, clock, until), semaphore)
    }
}

intercept! {
    fn racecheck_intercept_sem_post(semaphore: *mut Semaphore) -> c_int {
        enter(|rt, thread| rt.engine.release(&mut thread.engine, semaphore as u64, Channel::OWNER));
        sem_post(semaphore)
    }
}
