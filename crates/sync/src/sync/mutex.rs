use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::Location;

use super::{LockResult, PoisonError, TryLockError, TryLockResult};
use crate::rt::lock::{By, Hold, Meta, Owner, Sharing};
use crate::rt::parking;

/// Mirror of [`std::sync::Mutex`].
///
/// ```
/// use racecheck::sync::Mutex;
///
/// static COUNT: Mutex<u32> = Mutex::new(0);
/// *COUNT.lock().unwrap() += 1;
/// assert_eq!(*COUNT.lock().unwrap(), 1);
/// ```
pub struct Mutex<T: ?Sized> {
    pub(super) meta: Meta,
    inner: std::sync::Mutex<T>,
}

/// Mirror of [`std::sync::MutexGuard`].
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct MutexGuard<'a, T: ?Sized> {
    pub(super) lock: &'a Mutex<T>,
    inner: ManuallyDrop<std::sync::MutexGuard<'a, T>>,
}

impl<T> Mutex<T> {
    /// As [`std::sync::Mutex::new`].
    #[track_caller]
    pub const fn new(value: T) -> Self {
        Mutex { meta: Meta::of::<T>("Mutex", Sharing::None), inner: std::sync::Mutex::new(value) }
    }

    /// As [`std::sync::Mutex::into_inner`].
    pub fn into_inner(self) -> LockResult<T> {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    fn key(&self) -> usize {
        &raw const self.meta as usize
    }

    /// As [`std::sync::Mutex::lock`].
    ///
    /// # Panics
    /// Where the standard library's would deadlock: if this thread holds it, or if its holder waits for this
    /// thread.
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let place = Location::caller();
        let result = match self.inner.try_lock() {
            Err(TryLockError::WouldBlock) => {
                self.meta.wait(self.key(), "Mutex lock", Hold::Exclusive, place, || {
                    match self.inner.try_lock() {
                        Ok(guard) => Some(Ok(guard)),
                        Err(TryLockError::Poisoned(poison)) => Some(Err(poison)),
                        Err(TryLockError::WouldBlock) => None,
                    }
                })
            }
            Ok(guard) => Ok(guard),
            Err(TryLockError::Poisoned(poison)) => Err(poison),
        };
        self.meta.acquired(Hold::Exclusive, By::Blocking, Owner::Guard, place);
        match result {
            Ok(inner) => Ok(self.guard(inner)),
            Err(poison) => Err(PoisonError::new(self.guard(poison.into_inner()))),
        }
    }

    /// As [`std::sync::Mutex::try_lock`].
    #[track_caller]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        let result = self.inner.try_lock();
        if !matches!(result, Err(TryLockError::WouldBlock)) {
            self.meta.acquired(Hold::Exclusive, By::Trying, Owner::Guard, Location::caller());
        }
        match result {
            Ok(inner) => Ok(self.guard(inner)),
            Err(TryLockError::Poisoned(poison)) => {
                Err(TryLockError::Poisoned(PoisonError::new(self.guard(poison.into_inner()))))
            }
            Err(TryLockError::WouldBlock) => Err(TryLockError::WouldBlock),
        }
    }

    fn guard<'a>(&'a self, inner: std::sync::MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        MutexGuard { lock: self, inner: ManuallyDrop::new(inner) }
    }

    /// As [`std::sync::Mutex::is_poisoned`].
    pub fn is_poisoned(&self) -> bool {
        self.inner.is_poisoned()
    }

    /// As [`std::sync::Mutex::clear_poison`].
    pub fn clear_poison(&self) {
        self.inner.clear_poison();
    }

    /// As [`std::sync::Mutex::get_mut`].
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.inner.get_mut()
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        self.lock.meta.releasing(Hold::Exclusive);
        // SAFETY: it is dropped here only.
        unsafe { ManuallyDrop::drop(&mut self.inner) };
        parking::wake(self.lock.key(), 1);
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<T: Default> Default for Mutex<T> {
    #[track_caller]
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Mutex::new(value)
    }
}
