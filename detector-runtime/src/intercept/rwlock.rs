//! Reader-writer locks: a writer is ordered after all before it, a reader after the last writer only.
//!
//! | call | events |
//! |---|---|
//! | `init`, `destroy` | what was released is forgotten |
//! | `rdlock` and its kin, when they succeed | acquire what the last writer released |
//! | `wrlock` and its kin, when they succeed | acquire that, and what the readers since released |
//! | `unlock` by a reader | release for the next writer, beside the other readers |
//! | `unlock` by a writer | release for everybody; the readers' releases are part of it and forgotten |
//!
//! Releases come before the real unlock and acquires after the real lock, so a writer's events meet nobody
//! else's.

use core::ffi::c_int;
use core::mem::offset_of;
use core::sync::atomic::{AtomicU32, Ordering};

use racecheck_engine::Channel;

use super::intercept;
use super::real::real;
use crate::gate::enter;

type RwLock = libc::pthread_rwlock_t;

real! {
    fn pthread_rwlock_init(lock: *mut RwLock, attributes: *const libc::pthread_rwlockattr_t) -> c_int;
    fn pthread_rwlock_destroy(lock: *mut RwLock) -> c_int;
    fn pthread_rwlock_rdlock(lock: *mut RwLock) -> c_int;
    fn pthread_rwlock_tryrdlock(lock: *mut RwLock) -> c_int;
    fn pthread_rwlock_timedrdlock(lock: *mut RwLock, until: *const libc::timespec) -> c_int;
    fn pthread_rwlock_clockrdlock(
        lock: *mut RwLock, clock: libc::clockid_t, until: *const libc::timespec,
    ) -> c_int;
    fn pthread_rwlock_wrlock(lock: *mut RwLock) -> c_int;
    fn pthread_rwlock_trywrlock(lock: *mut RwLock) -> c_int;
    fn pthread_rwlock_timedwrlock(lock: *mut RwLock, until: *const libc::timespec) -> c_int;
    fn pthread_rwlock_clockwrlock(
        lock: *mut RwLock, clock: libc::clockid_t, until: *const libc::timespec,
    ) -> c_int;
    fn pthread_rwlock_unlock(lock: *mut RwLock) -> c_int;
}

/// glibc's layout, fixed by its static initialisers, as far as it matters here.
#[repr(C)]
struct Layout {
    words: [u32; 6],
    /// The writer that holds the lock, or 0: glibc's own unlock goes by it.
    writer: AtomicU32,
}

const _: () = assert!(offset_of!(Layout, writer) == 24 && size_of::<Layout>() <= size_of::<RwLock>());

/// True if a writer holds the lock; to be asked by a holder, for whom it does not change.
///
/// # Safety
/// The lock is initialised.
unsafe fn held_by_writer(lock: *mut RwLock) -> bool {
    // SAFETY: the caller's promise; glibc accesses the field atomically too.
    unsafe { (*lock.cast::<Layout>()).writer.load(Ordering::Relaxed) != 0 }
}

fn renewed(result: c_int, lock: *mut RwLock) -> c_int {
    if result == 0 {
        enter(|rt, _| {
            rt.engine.forget(lock as u64, Channel::OWNER);
            rt.engine.forget(lock as u64, Channel::READERS);
        });
    }
    result
}

fn read_locked(result: c_int, lock: *mut RwLock) -> c_int {
    if result == 0 {
        enter(|rt, thread| rt.engine.acquire(&mut thread.engine, lock as u64, Channel::OWNER));
    }
    result
}

fn write_locked(result: c_int, lock: *mut RwLock) -> c_int {
    if result == 0 {
        enter(|rt, thread| {
            rt.engine.acquire(&mut thread.engine, lock as u64, Channel::OWNER);
            rt.engine.acquire(&mut thread.engine, lock as u64, Channel::READERS);
        });
    }
    result
}

intercept! {
    fn racecheck_intercept_pthread_rwlock_init(
        lock: *mut RwLock, attributes: *const libc::pthread_rwlockattr_t,
    ) -> c_int {
        renewed(pthread_rwlock_init(lock, attributes), lock)
    }
}

intercept! {
    fn racecheck_intercept_pthread_rwlock_destroy(lock: *mut RwLock) -> c_int {
        renewed(pthread_rwlock_destroy(lock), lock)
    }
}

intercept! {
    fn racecheck_intercept_pthread_rwlock_rdlock(lock: *mut RwLock) -> c_int {
        read_locked(pthread_rwlock_rdlock(lock), lock)
    }
}

intercept! {
    fn racecheck_intercept_pthread_rwlock_tryrdlock(lock: *mut RwLock) -> c_int {
        read_locked(pthread_rwlock_tryrdlock(lock), lock)
    }
}

intercept! {
    fn racecheck_intercept_pthread_rwlock_timedrdlock(lock: *mut RwLock, until: *const libc::timespec) -> c_int {
        read_locked(pthread_rwlock_timedrdlock(lock, until), lock)
    }
}

intercept! {
    fn racecheck_intercept_pthread_rwlock_clockrdlock(
        lock: *mut RwLock, clock: libc::clockid_t, until: *const libc::timespec,
    ) -> c_int {
        read_locked(pthread_rwlock_clockrdlock(lock, clock, until), lock)
    }
}

intercept! {
    fn racecheck_intercept_pthread_rwlock_wrlock(lock: *mut RwLock) -> c_int {
        write_locked(pthread_rwlock_wrlock(lock), lock)
    }
}

intercept! {
    fn racecheck_intercept_pthread_rwlock_trywrlock(lock: *mut RwLock) -> c_int {
        write_locked(pthread_rwlock_trywrlock(lock), lock)
    }
}

intercept! {
    fn racecheck_intercept_pthread_rwlock_timedwrlock(lock: *mut RwLock, until: *const libc::timespec) -> c_int {
        write_locked(pthread_rwlock_timedwrlock(lock, until), lock)
    }
}

intercept! {
    fn racecheck_intercept_pthread_rwlock_clockwrlock(
        lock: *mut RwLock, clock: libc::clockid_t, until: *const libc::timespec,
    ) -> c_int {
        write_locked(pthread_rwlock_clockwrlock(lock, clock, until), lock)
    }
}

intercept! {
    fn racecheck_intercept_pthread_rwlock_unlock(lock: *mut RwLock) -> c_int {
        let writer = held_by_writer(lock);
        enter(|rt, thread| {
            let object = lock as u64;
            if writer {
                rt.engine.forget(object, Channel::READERS);
                rt.engine.release_owner(&mut thread.engine, object, Channel::OWNER);
            } else {
                rt.engine.release(&mut thread.engine, object, Channel::READERS);
            }
        });
        pthread_rwlock_unlock(lock)
    }
}
