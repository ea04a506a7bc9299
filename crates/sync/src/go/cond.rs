use std::fmt;
use std::panic::Location;

use super::Locker;
use crate::channel::waiting;
use crate::rt::{Object, advice, parking};

/// Go's `sync.Cond`, around a lock.
///
/// > In the terminology of the Go memory model, `Cond` arranges that a call to `Broadcast` or `Signal`
/// > “synchronizes before” any `Wait` call that it unblocks.
///
/// ```
/// use racecheck::cell::RaceCell;
/// use racecheck::go::{Cond, Mutex};
///
/// let report = racecheck::check(|| {
///     let mu = Mutex::new();
///     let (cond, ready) = (Cond::new(&mu), RaceCell::new(false));
///     racecheck::thread::scope(|s| {
///         s.spawn(|| {
///             mu.lock();
///             ready.set(true);
///             mu.unlock();
///             cond.broadcast();
///         });
///         mu.lock();
///         while !ready.get() {
///             cond.wait();
///         }
///         mu.unlock();
///     });
/// });
/// assert!(report.is_clean());
/// ```
pub struct Cond<L> {
    /// The lock that is held when the condition is looked at.
    pub l: L,
    object: Object,
    // Its address is the key at which threads wait.
    key: u64,
}

impl<L: Locker> Cond<L> {
    /// For conditions that are changed under `l`.
    pub const fn new(l: L) -> Self {
        Cond { l, object: Object::new(), key: 0 }
    }

    fn key(&self) -> usize {
        &raw const self.key as usize
    }

    /// Unlocks the lock, waits for a signal, and locks it again. The condition must be looked at again.
    #[track_caller]
    pub fn wait(&self) {
        let wait = waiting("sync.Cond.Wait", Location::caller());
        parking::wait_notified(self.key(), wait, None, || {
            self.l.unlock();
            advice::slow_under_locks("a wait for a condition");
        });
        self.object.acquire();
        self.l.lock();
    }

    /// Wakes the thread that has waited longest.
    pub fn signal(&self) {
        self.object.release();
        parking::wake(self.key(), 1);
    }

    /// Wakes all threads that wait.
    pub fn broadcast(&self) {
        self.object.release();
        parking::wake_all(self.key());
    }
}

impl<L> fmt::Debug for Cond<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cond").finish_non_exhaustive()
    }
}
