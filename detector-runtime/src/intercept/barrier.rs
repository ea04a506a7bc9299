//! Barriers: all arrivals of a round are ordered before all departures from it.
//!
//! Which round a thread belongs to cannot be told from outside of libc's barrier, since arrivals overtake each
//! other on their way in. So barriers within a process are the runtime's own: a thread learns its round when
//! it is counted. Each round has a clock of its own, at an address of its own, which lives until the last
//! thread has left: those who are slow to leave are not mixed up with later rounds, however many threads share
//! the barrier.
//!
//! Barriers that are shared with other processes are left to libc; there, all arrivals so far are taken for
//! arrivals of the round.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::ffi::{c_int, c_uint};
use core::sync::atomic::{AtomicU32, Ordering};

use racecheck_engine::Channel;

use super::intercept;
use super::real::real;
use crate::gate::enter;
use crate::lock::SpinLock;
use crate::runtime::RUNTIME;
use crate::sys::futex;

type Object = libc::pthread_barrier_t;

real! {
    fn pthread_barrier_init(
        barrier: *mut Object, attributes: *const libc::pthread_barrierattr_t, count: c_uint,
    ) -> c_int;
    fn pthread_barrier_destroy(barrier: *mut Object) -> c_int;
    fn pthread_barrier_wait(barrier: *mut Object) -> c_int;
}

unsafe extern "C" {
    fn pthread_barrierattr_getpshared(
        attributes: *const libc::pthread_barrierattr_t,
        shared: *mut c_int,
    ) -> c_int;
}

/// Barriers within the process, by address.
static BARRIERS: SpinLock<BTreeMap<usize, Barrier>> = SpinLock::new(BTreeMap::new());

struct Barrier {
    /// How many threads make a round.
    count: u32,
    /// How many of `round` have come; less than `count`.
    arrived: u32,
    round: Arc<Round>,
}

/// One filling of a barrier.
#[derive(Default)]
struct Round {
    /// Its address stands for the round in the engine.
    object: u64,
    /// Not 0 once all have come.
    full: AtomicU32,
}

impl Round {
    fn object(&self) -> u64 {
        &raw const self.object as u64
    }
}

impl Drop for Round {
    fn drop(&mut self) {
        if let Some(rt) = RUNTIME.get() {
            rt.engine.reset(self.object(), size_of::<u64>() as u64);
        }
    }
}

/// What a thread does next.
enum Arrival {
    /// The round is not full: wait.
    Early(Arc<Round>),
    /// The round is full now: wake the others.
    Last(Arc<Round>),
}

impl Barrier {
    fn new(count: u32) -> Self {
        Barrier { count, arrived: 0, round: Arc::default() }
    }

    fn arrive(&mut self) -> Arrival {
        self.arrived += 1;
        if self.arrived < self.count {
            return Arrival::Early(self.round.clone());
        }
        self.arrived = 0;
        Arrival::Last(core::mem::take(&mut self.round))
    }
}

/// Counts the running thread in. `release` is told the round's object before anybody can leave the round.
fn arrive(barrier: *mut Object, release: impl FnOnce(u64)) -> Option<Arrival> {
    let mut barriers = BARRIERS.lock();
    let barrier = barriers.get_mut(&(barrier as usize))?;
    release(barrier.round.object());
    Some(barrier.arrive())
}

fn wait_for_the_others(round: &Round) {
    while round.full.load(Ordering::Acquire) == 0 {
        futex::wait(&round.full, 0);
    }
}

fn wake_the_others(round: &Round) {
    round.full.store(1, Ordering::Release);
    futex::wake(&raw const round.full, u32::MAX);
}

/// Waits at a barrier that libc keeps.
///
/// # Safety
/// As `pthread_barrier_wait`.
#[cold]
unsafe fn wait_shared(barrier: *mut Object) -> c_int {
    let object = barrier as u64;
    enter(|rt, thread| rt.engine.release(&mut thread.engine, object, Channel::OWNER));
    // SAFETY: the caller's promise.
    let result = unsafe { pthread_barrier_wait(barrier) };
    enter(|rt, thread| rt.engine.acquire(&mut thread.engine, object, Channel::OWNER));
    result
}

intercept! {
    fn racecheck_intercept_pthread_barrier_init(
        barrier: *mut Object, attributes: *const libc::pthread_barrierattr_t, count: c_uint,
    ) -> c_int {
        let result = pthread_barrier_init(barrier, attributes, count);
        if result == 0 {
            let mut shared = libc::PTHREAD_PROCESS_PRIVATE;
            if !attributes.is_null() {
                pthread_barrierattr_getpshared(attributes, &raw mut shared);
            }
            let private = shared == libc::PTHREAD_PROCESS_PRIVATE;
            enter(|rt, _| {
                rt.engine.forget(barrier as u64, Channel::OWNER);
                let old = match private {
                    true => BARRIERS.lock().insert(barrier as usize, Barrier::new(count)),
                    false => BARRIERS.lock().remove(&(barrier as usize)),
                };
                drop(old);
            });
        }
        result
    }
}

intercept! {
    fn racecheck_intercept_pthread_barrier_destroy(barrier: *mut Object) -> c_int {
        enter(|_, _| BARRIERS.lock().remove(&(barrier as usize)));
        pthread_barrier_destroy(barrier)
    }
}

intercept! {
    fn racecheck_intercept_pthread_barrier_wait(barrier: *mut Object) -> c_int {
        let arrival = enter(|rt, thread| {
            arrive(barrier, |round| rt.engine.release(&mut thread.engine, round, Channel::OWNER))
        });
        // A thread whose end was taken already is counted all the same.
        let (round, result) = match arrival.unwrap_or_else(|| arrive(barrier, |_| ())) {
            None => return wait_shared(barrier),
            Some(Arrival::Early(round)) => {
                wait_for_the_others(&round);
                (round, 0)
            }
            Some(Arrival::Last(round)) => {
                wake_the_others(&round);
                (round, libc::PTHREAD_BARRIER_SERIAL_THREAD)
            }
        };
        enter(move |rt, thread| rt.engine.acquire(&mut thread.engine, round.object(), Channel::OWNER));
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_follow_each_other() {
        let mut barrier = Barrier::new(2);
        let Arrival::Early(first) = barrier.arrive() else { panic!("one of two is early") };
        let Arrival::Last(same) = barrier.arrive() else { panic!("two of two are full") };
        assert!(Arc::ptr_eq(&first, &same));
        let Arrival::Early(second) = barrier.arrive() else { panic!("a new round has begun") };
        assert_ne!(first.object(), second.object());
    }

    #[test]
    fn a_barrier_of_one_never_waits() {
        let mut barrier = Barrier::new(1);
        assert!((0..3).all(|_| matches!(barrier.arrive(), Arrival::Last(_))));
    }
}
