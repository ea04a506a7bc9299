use std::fmt;
use std::panic::Location;
use std::time::{Duration, Instant};

use super::{LockResult, MutexGuard, PoisonError};
use crate::channel::waiting;
use crate::rt::advice;
use crate::rt::parking::{self, deadline_in};

/// Mirror of [`std::sync::Condvar`]. The order between threads comes from the mutex alone.
///
/// ```
/// use racecheck::sync::{Condvar, Mutex};
/// use racecheck::thread;
///
/// let (ready, changed) = (Mutex::new(false), Condvar::new());
/// thread::scope(|s| {
///     s.spawn(|| {
///         *ready.lock().unwrap() = true;
///         changed.notify_one();
///     });
///     let _ready = changed.wait_while(ready.lock().unwrap(), |ready| !*ready).unwrap();
/// });
/// ```
pub struct Condvar {
    // Its address is the key at which threads wait, so that it needs a size.
    _key: u64,
}

/// Mirror of [`std::sync::WaitTimeoutResult`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// As [`std::sync::WaitTimeoutResult::timed_out`].
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    /// As [`std::sync::Condvar::new`].
    pub const fn new() -> Self {
        Condvar { _key: 0 }
    }

    fn key(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    #[track_caller]
    fn wait_until<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        deadline: Option<Instant>,
    ) -> (LockResult<MutexGuard<'a, T>>, bool) {
        let mutex = guard.lock;
        let wait = waiting("Condvar wait", Location::caller());
        let notified = parking::wait_notified(self.key(), wait, deadline, || {
            drop(guard);
            advice::slow_under_locks("a wait for a condition");
        });
        (mutex.lock(), notified)
    }

    /// As [`std::sync::Condvar::wait`].
    #[track_caller]
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        self.wait_until(guard, None).0
    }

    /// As [`std::sync::Condvar::wait_while`].
    #[track_caller]
    pub fn wait_while<'a, T: ?Sized, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        mut condition: F,
    ) -> LockResult<MutexGuard<'a, T>>
    where
        F: FnMut(&mut T) -> bool,
    {
        while condition(&mut guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// As [`std::sync::Condvar::wait_timeout`].
    #[track_caller]
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let (result, notified) = self.wait_until(guard, deadline_in(timeout));
        let timed_out = WaitTimeoutResult(!notified);
        match result {
            Ok(guard) => Ok((guard, timed_out)),
            Err(poison) => Err(PoisonError::new((poison.into_inner(), timed_out))),
        }
    }

    /// As [`std::sync::Condvar::wait_timeout_while`].
    #[track_caller]
    pub fn wait_timeout_while<'a, T: ?Sized, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        timeout: Duration,
        mut condition: F,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)>
    where
        F: FnMut(&mut T) -> bool,
    {
        let start = Instant::now();
        loop {
            if !condition(&mut guard) {
                return Ok((guard, WaitTimeoutResult(false)));
            }
            let Some(left) = timeout.checked_sub(start.elapsed()) else {
                return Ok((guard, WaitTimeoutResult(true)));
            };
            guard = self.wait_timeout(guard, left)?.0;
        }
    }

    /// As [`std::sync::Condvar::notify_one`].
    pub fn notify_one(&self) {
        parking::wake(self.key(), 1);
    }

    /// As [`std::sync::Condvar::notify_all`].
    pub fn notify_all(&self) {
        parking::wake_all(self.key());
    }
}

impl Default for Condvar {
    fn default() -> Self {
        Condvar::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}
