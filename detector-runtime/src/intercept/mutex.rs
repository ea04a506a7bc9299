//! Mutexes and spin locks: an unlock is ordered before the next lock.
//!
//! | call | events |
//! |---|---|
//! | `init`, `destroy` | what was released is forgotten: the memory may be another object's next |
//! | `lock` and its kin, when they succeed | acquire |
//! | `unlock` | release by the owner, before the real unlock: nobody can acquire meanwhile |
//!
//! To lock and to unlock changes the lock's memory as well: who frees it has to come after that.
//!
//! A robust mutex whose owner died is acquired as well (`EOWNERDEAD`), and the end of a thread releases those
//! that it holds. The inner unlocks of a recursive mutex release too, which nobody can see before the last one.

use alloc::collections::BTreeMap;
use core::ffi::c_int;
use core::mem::offset_of;
use core::sync::atomic::{AtomicU32, Ordering};

use racecheck_engine::{Channel, StoreOrder};

use super::intercept;
use super::real::real;
use crate::gate::enter;
use crate::local::local;
use crate::lock::SpinLock;
use crate::runtime::Runtime;
use crate::thread::ThreadState;

pub(super) type Mutex = libc::pthread_mutex_t;
type Spin = libc::pthread_spinlock_t;

real! {
    fn pthread_mutex_init(mutex: *mut Mutex, attributes: *const libc::pthread_mutexattr_t) -> c_int;
    fn pthread_mutex_destroy(mutex: *mut Mutex) -> c_int;
    fn pthread_mutex_lock(mutex: *mut Mutex) -> c_int;
    fn pthread_mutex_trylock(mutex: *mut Mutex) -> c_int;
    fn pthread_mutex_timedlock(mutex: *mut Mutex, until: *const libc::timespec) -> c_int;
    fn pthread_mutex_clocklock(
        mutex: *mut Mutex, clock: libc::clockid_t, until: *const libc::timespec,
    ) -> c_int;
    fn pthread_mutex_unlock(mutex: *mut Mutex) -> c_int;
    fn pthread_spin_init(lock: *mut Spin, shared: c_int) -> c_int;
    fn pthread_spin_destroy(lock: *mut Spin) -> c_int;
    fn pthread_spin_lock(lock: *mut Spin) -> c_int;
    fn pthread_spin_trylock(lock: *mut Spin) -> c_int;
    fn pthread_spin_unlock(lock: *mut Spin) -> c_int;
}

/// glibc's layout, fixed by its static initialisers, as far as it matters here.
#[repr(C)]
struct Layout {
    words: [u32; 4],
    kind: AtomicU32,
}

const _: () = assert!(offset_of!(Layout, kind) == 16 && size_of::<Layout>() <= size_of::<Mutex>());

/// In the kind of a mutex: it is robust.
const ROBUST: u32 = 16;

/// Robust mutexes that are locked, and the block of the thread that has each.
static HELD: SpinLock<BTreeMap<usize, usize>> = SpinLock::new(BTreeMap::new());

/// # Safety
/// The mutex is initialised.
unsafe fn is_robust(mutex: *mut Mutex) -> bool {
    // SAFETY: the caller's promise; glibc accesses the field atomically too.
    unsafe { (*mutex.cast::<Layout>()).kind.load(Ordering::Relaxed) & ROBUST != 0 }
}

/// After a call that tried to lock a mutex of pthread's.
///
/// # Safety
/// The mutex is initialised.
unsafe fn mutex_locked(result: c_int, mutex: *mut Mutex, pc: u64) -> c_int {
    // SAFETY: the caller's promise.
    if (result == 0 || result == libc::EOWNERDEAD) && unsafe { is_robust(mutex) } {
        enter(|_, _| HELD.lock().insert(mutex as usize, local() as usize));
    }
    spin_locked(result, mutex, pc)
}

/// After a call that tried to lock, and changed the lock if it did.
fn spin_locked<T>(result: c_int, lock: *mut T, pc: u64) -> c_int {
    if result == 0 || result == libc::EOWNERDEAD {
        acquire(lock);
        change(lock, pc);
    }
    result
}

/// The size of what every call changes, at the begin of a lock.
const WORD: u64 = 4;

/// The call at `pc` changes the lock, in a way that is atomic for all who use it as one.
fn change<T>(lock: *mut T, pc: u64) {
    enter(|rt, thread| {
        if thread.ignore == 0 {
            let (engine, here) = thread.at(pc);
            rt.engine.store(engine, lock as u64, WORD, StoreOrder::Relaxed, here, || ());
        }
    });
}

/// The running thread ends: whoever locks a robust mutex that it still holds goes on where it stopped.
pub(super) fn leave_to_others(rt: &Runtime, thread: &mut ThreadState) {
    let me = local() as usize;
    HELD.lock().retain(|&mutex, holder| {
        let mine = *holder == me;
        if mine {
            rt.engine.release_owner(&mut thread.engine, mutex as u64, Channel::OWNER);
        }
        !mine
    });
}

/// After a call that begins or ends the life of the lock at `lock`.
pub(super) fn renewed<T>(result: c_int, lock: *mut T) -> c_int {
    if result == 0 {
        enter(|rt, _| rt.engine.forget(lock as u64, Channel::OWNER));
    }
    result
}

/// The running thread has the lock.
#[inline]
pub(super) fn acquire<T>(lock: *mut T) {
    enter(|rt, thread| rt.engine.acquire(&mut thread.engine, lock as u64, Channel::OWNER));
}

/// The running thread has the lock and is about to give it back.
#[inline]
pub(super) fn release<T>(lock: *mut T) {
    enter(|rt, thread| rt.engine.release_owner(&mut thread.engine, lock as u64, Channel::OWNER));
}

intercept! {
    fn racecheck_intercept_pthread_mutex_init(
        mutex: *mut Mutex, attributes: *const libc::pthread_mutexattr_t,
    ) -> c_int {
        renewed(pthread_mutex_init(mutex, attributes), mutex)
    }
}

intercept! {
    fn racecheck_intercept_pthread_mutex_destroy(mutex: *mut Mutex) -> c_int {
        renewed(pthread_mutex_destroy(mutex), mutex)
    }
}

intercept! {
    fn racecheck_intercept_pthread_mutex_lock(mutex: *mut Mutex; pc in "rsi") -> c_int {
        mutex_locked(pthread_mutex_lock(mutex), mutex, pc)
    }
}

intercept! {
    fn racecheck_intercept_pthread_mutex_trylock(mutex: *mut Mutex; pc in "rsi") -> c_int {
        mutex_locked(pthread_mutex_trylock(mutex), mutex, pc)
    }
}

intercept! {
    fn racecheck_intercept_pthread_mutex_timedlock(
        mutex: *mut Mutex, until: *const libc::timespec; pc in "rdx"
    ) -> c_int {
        mutex_locked(pthread_mutex_timedlock(mutex, until), mutex, pc)
    }
}

intercept! {
    fn racecheck_intercept_pthread_mutex_clocklock(
        mutex: *mut Mutex, clock: libc::clockid_t, until: *const libc::timespec; pc in "rcx"
    ) -> c_int {
        mutex_locked(pthread_mutex_clocklock(mutex, clock, until), mutex, pc)
    }
}

intercept! {
    fn racecheck_intercept_pthread_mutex_unlock(mutex: *mut Mutex; pc in "rsi") -> c_int {
        if is_robust(mutex) {
            enter(|_, _| HELD.lock().remove(&(mutex as usize)));
        }
        change(mutex, pc);
        release(mutex);
        pthread_mutex_unlock(mutex)
    }
}

intercept! {
    fn racecheck_intercept_pthread_spin_init(lock: *mut Spin, shared: c_int) -> c_int {
        renewed(pthread_spin_init(lock, shared), lock)
    }
}

intercept! {
    fn racecheck_intercept_pthread_spin_destroy(lock: *mut Spin) -> c_int {
        renewed(pthread_spin_destroy(lock), lock)
    }
}

intercept! {
    fn racecheck_intercept_pthread_spin_lock(lock: *mut Spin; pc in "rsi") -> c_int {
        spin_locked(pthread_spin_lock(lock), lock, pc)
    }
}

intercept! {
    fn racecheck_intercept_pthread_spin_trylock(lock: *mut Spin; pc in "rsi") -> c_int {
        spin_locked(pthread_spin_trylock(lock), lock, pc)
    }
}

intercept! {
    fn racecheck_intercept_pthread_spin_unlock(lock: *mut Spin; pc in "rsi") -> c_int {
        change(lock, pc);
        release(lock);
        pthread_spin_unlock(lock)
    }
}
