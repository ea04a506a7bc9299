use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{LockResult, PoisonError, TryLockError, TryLockResult};
use crate::rt::lock::{By, Hold, Meta, Owner, Sharing};
use crate::rt::{Quiet, parking};

/// Mirror of [`std::sync::RwLock`]. A writer that waits keeps new readers out.
///
/// ```
/// use racecheck::sync::RwLock;
///
/// let names = RwLock::new(vec!["a"]);
/// names.write().unwrap().push("b");
/// assert_eq!(names.read().unwrap().len(), 2);
/// ```
pub struct RwLock<T: ?Sized> {
    meta: Meta,
    writers_waiting: AtomicUsize,
    inner: std::sync::RwLock<T>,
}

/// Mirror of [`std::sync::RwLockReadGuard`].
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    inner: ManuallyDrop<std::sync::RwLockReadGuard<'a, T>>,
}

/// Mirror of [`std::sync::RwLockWriteGuard`].
#[must_use = "if unused the RwLock will immediately unlock"]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    inner: ManuallyDrop<std::sync::RwLockWriteGuard<'a, T>>,
}

/// `None` where it would block.
fn now<G>(result: TryLockResult<G>) -> Option<LockResult<G>> {
    match result {
        Ok(guard) => Some(Ok(guard)),
        Err(TryLockError::Poisoned(poison)) => Some(Err(poison)),
        Err(TryLockError::WouldBlock) => None,
    }
}

fn map<G, H>(result: LockResult<G>, f: impl FnOnce(G) -> H) -> LockResult<H> {
    match result {
        Ok(guard) => Ok(f(guard)),
        Err(poison) => Err(PoisonError::new(f(poison.into_inner()))),
    }
}

impl<T> RwLock<T> {
    /// As [`std::sync::RwLock::new`].
    #[track_caller]
    pub const fn new(value: T) -> Self {
        RwLock {
            meta: Meta::of::<T>("RwLock", Sharing::Readers),
            writers_waiting: AtomicUsize::new(0),
            inner: std::sync::RwLock::new(value),
        }
    }

    /// As [`std::sync::RwLock::into_inner`].
    pub fn into_inner(self) -> LockResult<T> {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    fn key(&self) -> usize {
        &raw const self.meta as usize
    }

    /// The lock within orders readers among themselves, which this one does not promise: only what is told counts.
    fn try_inner_read(&self) -> Option<LockResult<std::sync::RwLockReadGuard<'_, T>>> {
        let _quiet = Quiet::begin();
        now(self.inner.try_read())
    }

    fn try_inner_write(&self) -> Option<LockResult<std::sync::RwLockWriteGuard<'_, T>>> {
        let _quiet = Quiet::begin();
        now(self.inner.try_write())
    }

    fn read_now(&self) -> Option<LockResult<std::sync::RwLockReadGuard<'_, T>>> {
        let _quiet = Quiet::begin();
        if self.writers_waiting.load(Ordering::SeqCst) > 0 {
            return None;
        }
        self.try_inner_read()
    }

    /// As [`std::sync::RwLock::read`].
    #[track_caller]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        let place = Location::caller();
        let result = self.read_now().unwrap_or_else(|| {
            self.meta.wait(self.key(), "RwLock read", Hold::Shared, place, || self.read_now())
        });
        self.meta.acquired(Hold::Shared, By::Blocking, Owner::Guard, place);
        map(result, |inner| RwLockReadGuard { lock: self, inner: ManuallyDrop::new(inner) })
    }

    /// As [`std::sync::RwLock::try_read`].
    #[track_caller]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        let Some(result) = self.try_inner_read() else { return Err(TryLockError::WouldBlock) };
        self.meta.acquired(Hold::Shared, By::Trying, Owner::Guard, Location::caller());
        Ok(map(result, |inner| RwLockReadGuard { lock: self, inner: ManuallyDrop::new(inner) })?)
    }

    /// As [`std::sync::RwLock::write`].
    #[track_caller]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        struct Waits<'a>(&'a AtomicUsize, usize);
        impl Drop for Waits<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::SeqCst);
                // Readers that kept back for this writer may go on, if it gave up.
                parking::wake_all(self.1);
            }
        }
        let place = Location::caller();
        let result = self.try_inner_write().unwrap_or_else(|| {
            let _quiet = Quiet::begin();
            self.writers_waiting.fetch_add(1, Ordering::SeqCst);
            let _waits = Waits(&self.writers_waiting, self.key());
            let write = || self.try_inner_write();
            self.meta.wait(self.key(), "RwLock write", Hold::Exclusive, place, write)
        });
        self.meta.acquired(Hold::Exclusive, By::Blocking, Owner::Guard, place);
        map(result, |inner| RwLockWriteGuard { lock: self, inner: ManuallyDrop::new(inner) })
    }

    /// As [`std::sync::RwLock::try_write`].
    #[track_caller]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        let Some(result) = self.try_inner_write() else { return Err(TryLockError::WouldBlock) };
        self.meta.acquired(Hold::Exclusive, By::Trying, Owner::Guard, Location::caller());
        Ok(map(result, |inner| RwLockWriteGuard { lock: self, inner: ManuallyDrop::new(inner) })?)
    }

    /// As [`std::sync::RwLock::is_poisoned`].
    pub fn is_poisoned(&self) -> bool {
        self.inner.is_poisoned()
    }

    /// As [`std::sync::RwLock::clear_poison`].
    pub fn clear_poison(&self) {
        self.inner.clear_poison();
    }

    /// As [`std::sync::RwLock::get_mut`].
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.inner.get_mut()
    }
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// As [`std::sync::RwLockWriteGuard::downgrade`].
    #[track_caller]
    pub fn downgrade(guard: Self) -> RwLockReadGuard<'a, T> {
        let mut guard = ManuallyDrop::new(guard);
        // SAFETY: the guard around it is not dropped, so that it is taken once.
        let inner = unsafe { ManuallyDrop::take(&mut guard.inner) };
        let lock = guard.lock;
        lock.meta.releasing(Hold::Exclusive);
        let inner = {
            let _quiet = Quiet::begin();
            std::sync::RwLockWriteGuard::downgrade(inner)
        };
        lock.meta.acquired(Hold::Shared, By::Trying, Owner::Guard, Location::caller());
        parking::wake_all(lock.key());
        RwLockReadGuard { lock, inner: ManuallyDrop::new(inner) }
    }
}

impl<T: ?Sized> Drop for RwLockReadGuard<'_, T> {
    fn drop(&mut self) {
        self.lock.meta.releasing(Hold::Shared);
        let _quiet = Quiet::begin();
        // SAFETY: it is dropped here only.
        unsafe { ManuallyDrop::drop(&mut self.inner) };
        parking::wake_all(self.lock.key());
    }
}

impl<T: ?Sized> Drop for RwLockWriteGuard<'_, T> {
    fn drop(&mut self) {
        self.lock.meta.releasing(Hold::Exclusive);
        let _quiet = Quiet::begin();
        // SAFETY: it is dropped here only.
        unsafe { ManuallyDrop::drop(&mut self.inner) };
        parking::wake_all(self.lock.key());
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

macro_rules! format_as_value {
    ($($guard:ident),*) => {$(
        impl<T: ?Sized + fmt::Debug> fmt::Debug for $guard<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<T: ?Sized + fmt::Display> fmt::Display for $guard<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        }
    )*};
}
format_as_value!(RwLockReadGuard, RwLockWriteGuard);

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<T: Default> Default for RwLock<T> {
    #[track_caller]
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T> From<T> for RwLock<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        RwLock::new(value)
    }
}
