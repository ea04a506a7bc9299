use std::fmt;
use std::panic::Location;
use std::sync::Mutex as StdMutex;

use super::mutex::LastPlace;
use crate::rt::lock::{By, Hold, Meta, Owner, Sharing};
use crate::rt::misuse::{self, Kind, Misuse};
use crate::rt::place::Place;
use crate::rt::{lock, parking};

/// Go's `sync.RWMutex`. A writer that waits keeps new readers out; when a writer unlocks, the readers that
/// waited come before the next writer.
///
/// > For any call to `l.RLock` on a `sync.RWMutex` variable `l`, there is an n such that the nth call to
/// > `l.Unlock` is synchronized before the return from `l.RLock`, and the matching call to `l.RUnlock` is
/// > synchronized before the return from call n+1 to `l.Lock`.
///
/// ```
/// use racecheck::go::RWMutex;
///
/// let mu = RWMutex::new();
/// mu.r_lock();
/// assert!(mu.try_r_lock() && !mu.try_lock());
/// mu.r_unlock();
/// mu.r_unlock();
/// let _writer = mu.guard();
/// ```
pub struct RWMutex {
    meta: Meta,
    state: StdMutex<State>,
    last_unlock: LastPlace,
}

#[derive(Debug, Default)]
struct State {
    readers: usize,
    writer: bool,
    writers_waiting: usize,
    readers_waiting: usize,
    /// So many readers that waited for the last writer go before the next one.
    readers_turn: usize,
}

impl State {
    fn read(&mut self, waited: bool) -> Option<()> {
        if self.writer {
            return None;
        }
        if waited && self.readers_turn > 0 {
            self.readers_turn -= 1;
        } else if self.writers_waiting > 0 {
            return None;
        }
        self.readers += 1;
        Some(())
    }

    fn write(&mut self) -> Option<()> {
        let free = !self.writer && self.readers == 0 && self.readers_turn == 0;
        free.then(|| self.writer = true)
    }
}

impl RWMutex {
    /// An unlocked one.
    #[track_caller]
    pub const fn new() -> Self {
        RWMutex {
            meta: Meta::new("sync.RWMutex", Sharing::Readers),
            state: StdMutex::new(State {
                readers: 0,
                writer: false,
                writers_waiting: 0,
                readers_waiting: 0,
                readers_turn: 0,
            }),
            last_unlock: LastPlace::new(),
        }
    }

    fn key(&self) -> usize {
        &raw const self.state as usize
    }

    /// Locks it for writing.
    #[track_caller]
    pub fn lock(&self) {
        self.lock_at(Owner::Anybody, Location::caller());
    }

    fn lock_at(&self, owner: Owner, place: Place) {
        let now = lock(&self.state).write();
        if now.is_none() {
            lock(&self.state).writers_waiting += 1;
            let _waiting = Waiting(self, Hold::Exclusive);
            let write = || lock(&self.state).write();
            self.meta.wait(self.key(), "sync.RWMutex.Lock", Hold::Exclusive, place, write);
        }
        self.meta.acquired(Hold::Exclusive, By::Blocking, owner, place);
    }

    /// Locks it for writing if nobody has it locked.
    #[track_caller]
    pub fn try_lock(&self) -> bool {
        let locked = lock(&self.state).write().is_some();
        if locked {
            self.meta.acquired(Hold::Exclusive, By::Trying, Owner::Anybody, Location::caller());
        }
        locked
    }

    /// Unlocks what was locked for writing.
    ///
    /// # Panics
    /// If it is not locked for writing.
    #[track_caller]
    pub fn unlock(&self) {
        self.unlock_at(Location::caller());
    }

    fn unlock_at(&self, place: Place) {
        if !lock(&self.state).writer {
            self.unlock_of_unlocked("sync: Unlock of unlocked RWMutex", place);
        }
        self.last_unlock.set(place);
        self.meta.releasing(Hold::Exclusive);
        {
            let mut state = lock(&self.state);
            state.writer = false;
            state.readers_turn = state.readers_waiting;
        }
        parking::wake_all(self.key());
    }

    /// Locks it for reading.
    #[track_caller]
    pub fn r_lock(&self) {
        self.r_lock_at(Owner::Anybody, Location::caller());
    }

    fn r_lock_at(&self, owner: Owner, place: Place) {
        let now = lock(&self.state).read(false);
        if now.is_none() {
            lock(&self.state).readers_waiting += 1;
            let _waiting = Waiting(self, Hold::Shared);
            let read = || lock(&self.state).read(true);
            self.meta.wait(self.key(), "sync.RWMutex.RLock", Hold::Shared, place, read);
        }
        self.meta.acquired(Hold::Shared, By::Blocking, owner, place);
    }

    /// Locks it for reading if no writer has it or waits for it.
    #[track_caller]
    pub fn try_r_lock(&self) -> bool {
        let locked = lock(&self.state).read(false).is_some();
        if locked {
            self.meta.acquired(Hold::Shared, By::Trying, Owner::Anybody, Location::caller());
        }
        locked
    }

    /// Unlocks what was locked for reading.
    ///
    /// # Panics
    /// If it is not locked for reading.
    #[track_caller]
    pub fn r_unlock(&self) {
        self.r_unlock_at(Location::caller());
    }

    fn r_unlock_at(&self, place: Place) {
        if lock(&self.state).readers == 0 {
            self.unlock_of_unlocked("sync: RUnlock of unlocked RWMutex", place);
        }
        self.last_unlock.set(place);
        self.meta.releasing(Hold::Shared);
        lock(&self.state).readers -= 1;
        parking::wake_all(self.key());
    }

    fn unlock_of_unlocked(&self, message: &str, place: Place) -> ! {
        misuse::fail(
            Misuse::new(Kind::UnlockOfUnlocked, message)
                .here("It is unlocked", place)
                .earlier("It was unlocked before", self.last_unlock.get())
                .earlier("The mutex was made", Some(self.meta.made)),
        )
    }

    /// A view of it whose `lock` and `unlock` are for reading.
    pub fn r_locker(&self) -> RLocker<'_> {
        RLocker(self)
    }

    /// Locks it for writing, until the guard goes.
    ///
    /// # Panics
    /// If that can't ever be: for example, this thread has a guard of it, for reading or writing.
    #[track_caller]
    pub fn guard(&self) -> RWWriteGuard<'_> {
        let place = Location::caller();
        self.lock_at(Owner::Guard, place);
        RWWriteGuard(self, place)
    }

    /// Locks it for reading, until the guard goes.
    ///
    /// # Panics
    /// If that can't ever be: for example, this thread has a guard for reading, and a writer waits.
    #[track_caller]
    pub fn r_guard(&self) -> RWReadGuard<'_> {
        let place = Location::caller();
        self.r_lock_at(Owner::Guard, place);
        RWReadGuard(self, place)
    }
}

/// Counts somebody among those that wait.
struct Waiting<'a>(&'a RWMutex, Hold);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        {
            let mut state = lock(&self.0.state);
            match self.1 {
                Hold::Exclusive => state.writers_waiting -= 1,
                Hold::Shared => {
                    state.readers_waiting -= 1;
                    // One that gave up does not take its turn.
                    state.readers_turn = state.readers_turn.min(state.readers_waiting);
                }
            }
        }
        parking::wake_all(self.0.key());
    }
}

/// Go's `RLocker`.
#[derive(Clone, Copy, Debug)]
pub struct RLocker<'a>(&'a RWMutex);

impl RLocker<'_> {
    /// Locks for reading.
    #[track_caller]
    pub fn lock(&self) {
        self.0.r_lock();
    }

    /// Unlocks what was locked for reading.
    #[track_caller]
    pub fn unlock(&self) {
        self.0.r_unlock();
    }
}

/// Unlocks for writing at the end of its life.
#[must_use = "if unused the RWMutex will immediately unlock"]
#[derive(Debug)]
pub struct RWWriteGuard<'a>(&'a RWMutex, Place);

/// Unlocks for reading at the end of its life.
#[must_use = "if unused the RWMutex will immediately unlock"]
#[derive(Debug)]
pub struct RWReadGuard<'a>(&'a RWMutex, Place);

impl Drop for RWWriteGuard<'_> {
    fn drop(&mut self) {
        self.0.unlock_at(self.1);
    }
}

impl Drop for RWReadGuard<'_> {
    fn drop(&mut self) {
        self.0.r_unlock_at(self.1);
    }
}

impl Default for RWMutex {
    #[track_caller]
    fn default() -> Self {
        RWMutex::new()
    }
}

impl fmt::Debug for RWMutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RWMutex").field("state", &*lock(&self.state)).finish_non_exhaustive()
    }
}
