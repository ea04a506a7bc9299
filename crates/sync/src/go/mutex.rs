use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use crate::rt::lock::{By, Hold, Meta, Owner, Sharing};
use crate::rt::misuse::{self, Kind, Misuse};
use crate::rt::parking;
use crate::rt::place::Place;

/// Go's `sync.Mutex`: locked and unlocked by calls, by any thread.
///
/// > For any `sync.Mutex` or `sync.RWMutex` variable `l` and n < m, call n of `l.Unlock()` is synchronized
/// > before call m of `l.Lock()` returns.
///
/// ```
/// use racecheck::go::Mutex;
///
/// let mu = Mutex::new();
/// mu.lock();
/// assert!(!mu.try_lock());
/// mu.unlock();
/// {
///     let _guard = mu.guard();
/// } // unlocked
/// ```
pub struct Mutex {
    meta: Meta,
    locked: AtomicBool,
    last_unlock: LastPlace,
}

/// Where something was done last, for a report of misuse.
#[derive(Debug)]
pub(super) struct LastPlace(AtomicPtr<Location<'static>>);

impl LastPlace {
    pub(super) const fn new() -> Self {
        LastPlace(AtomicPtr::new(std::ptr::null_mut()))
    }

    pub(super) fn set(&self, place: Place) {
        self.0.store(std::ptr::from_ref(place).cast_mut(), Ordering::Release);
    }

    pub(super) fn get(&self) -> Option<Place> {
        // SAFETY: it is null or was made of a reference that lives for ever.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }
}

/// Unlocks at the end of its life.
#[must_use = "if unused the Mutex will immediately unlock"]
pub struct MutexGuard<'a> {
    mutex: &'a Mutex,
    place: Place,
}

impl Mutex {
    /// An unlocked one.
    #[track_caller]
    pub const fn new() -> Self {
        Mutex {
            meta: Meta::new("sync.Mutex", Sharing::None),
            locked: AtomicBool::new(false),
            last_unlock: LastPlace::new(),
        }
    }

    fn key(&self) -> usize {
        &raw const self.locked as usize
    }

    fn lock_now(&self) -> Option<()> {
        self.locked.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).ok().map(|_| ())
    }

    /// Locks it, when nobody has it locked any more.
    ///
    /// That its own thread has it locked is not wrong: another one may unlock it.
    #[track_caller]
    pub fn lock(&self) {
        self.lock_at(Owner::Anybody, Location::caller());
    }

    fn lock_at(&self, owner: Owner, place: Place) {
        if self.lock_now().is_none() {
            self.meta.wait(self.key(), "sync.Mutex.Lock", Hold::Exclusive, place, || self.lock_now());
        }
        self.meta.acquired(Hold::Exclusive, By::Blocking, owner, place);
    }

    /// Locks it if nobody has it locked. As the page on the memory model has it, a failure orders nothing.
    #[track_caller]
    pub fn try_lock(&self) -> bool {
        let locked = self.lock_now().is_some();
        if locked {
            self.meta.acquired(Hold::Exclusive, By::Trying, Owner::Anybody, Location::caller());
        }
        locked
    }

    /// Unlocks it. Need not be done by the thread that locked it.
    ///
    /// # Panics
    /// If it is not locked.
    #[track_caller]
    pub fn unlock(&self) {
        self.unlock_at(Location::caller());
    }

    pub(super) fn unlock_at(&self, place: Place) {
        if !self.locked.load(Ordering::Relaxed) {
            misuse::fail(
                Misuse::new(Kind::UnlockOfUnlocked, "sync: unlock of unlocked mutex")
                    .here("It is unlocked", place)
                    .earlier("It was unlocked before", self.last_unlock.get())
                    .earlier("The mutex was made", Some(self.meta.made)),
            );
        }
        self.last_unlock.set(place);
        self.meta.releasing(Hold::Exclusive);
        self.locked.store(false, Ordering::Release);
        parking::wake(self.key(), 1);
    }

    /// Locks it, until the guard goes.
    ///
    /// # Panics
    /// If that can't ever be: this thread has a guard of it, or the thread that has one waits for this one.
    #[track_caller]
    pub fn guard(&self) -> MutexGuard<'_> {
        let place = Location::caller();
        self.lock_at(Owner::Guard, place);
        MutexGuard { mutex: self, place }
    }
}

impl Drop for MutexGuard<'_> {
    fn drop(&mut self) {
        self.mutex.unlock_at(self.place);
    }
}

impl Default for Mutex {
    #[track_caller]
    fn default() -> Self {
        Mutex::new()
    }
}

impl fmt::Debug for Mutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").field("locked", &self.locked.load(Ordering::Relaxed)).finish_non_exhaustive()
    }
}

impl fmt::Debug for MutexGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MutexGuard").finish_non_exhaustive()
    }
}

/// Go's `sync.Locker`.
pub trait Locker {
    /// Locks it.
    fn lock(&self);
    /// Unlocks it.
    fn unlock(&self);
}

macro_rules! locker {
    ($($type:ty),*) => {$(
        impl Locker for $type {
            #[track_caller]
            fn lock(&self) {
                <$type>::lock(self);
            }

            #[track_caller]
            fn unlock(&self) {
                <$type>::unlock(self);
            }
        }
    )*};
}
locker!(Mutex, super::RWMutex, super::RLocker<'_>);

macro_rules! locker_behind {
    ($($type:ty),*) => {$(
        impl<L: Locker + ?Sized> Locker for $type {
            #[track_caller]
            fn lock(&self) {
                (**self).lock();
            }

            #[track_caller]
            fn unlock(&self) {
                (**self).unlock();
            }
        }
    )*};
}
locker_behind!(&L, std::sync::Arc<L>);
