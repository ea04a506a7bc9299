//! Locks of the runtime's own: a mutual exclusion lock and a cell that is filled once.
//!
//! Both are usable before the runtime has started, from any thread of the program (also one that the runtime
//! has never seen), and neither allocates. They wait on a futex by a raw system call, so the program's
//! intercepted functions are never entered.
//!
//! They are not re-entrant and not safe against signal handlers by themselves: code that a handler may run
//! must either block signals while it holds a lock or not take one.
//!
//! The lock is the three-state futex mutex of Ulrich Drepper, "Futexes Are Tricky" (2011), section 6: the
//! word tells whether anybody might sleep, so that the uncontended pair of operations makes no system call.

use core::cell::UnsafeCell;
use core::fmt;
use core::hint;
use core::mem::MaybeUninit;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};

use crate::sys::futex;

/// Turns of the wait loop before a thread sleeps: about the length of the runtime's critical sections.
const SPINS: u32 = 100;

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody may be asleep.
const CONTENDED: u32 = 2;

/// The lock without the data: for what is guarded but does not lie in one place, and for fork handlers.
pub struct RawLock {
    state: AtomicU32,
}

impl RawLock {
    /// A free lock.
    pub const fn new() -> RawLock {
        RawLock { state: AtomicU32::new(FREE) }
    }

    /// Waits until the lock is free and takes it.
    #[inline]
    pub fn acquire(&self) {
        if self.state.compare_exchange(FREE, HELD, Acquire, Relaxed).is_err() {
            self.acquire_contended();
        }
    }

    /// Takes the lock if it is free.
    #[inline]
    pub fn try_acquire(&self) -> bool {
        self.state.compare_exchange(FREE, HELD, Acquire, Relaxed).is_ok()
    }

    #[cold]
    fn acquire_contended(&self) {
        for _ in 0..SPINS {
            match self.state.load(Relaxed) {
                FREE => {
                    if self.try_acquire() {
                        return;
                    }
                }
                HELD => hint::spin_loop(),
                // Somebody sleeps already: the holder is slow, spinning will not help.
                _ => break,
            }
        }
        // Taking it as contended is a lie if nobody else sleeps; it costs the holder one needless wake.
        while self.state.swap(CONTENDED, Acquire) != FREE {
            futex::wait(&self.state, CONTENDED);
        }
    }

    /// Gives the lock back.
    ///
    /// # Safety
    /// The calling thread holds the lock, and no reference to what it guards is left.
    #[inline]
    pub unsafe fn release(&self) {
        let word: *const AtomicU32 = &raw const self.state;
        if self.state.swap(FREE, Release) == CONTENDED {
            // The lock may be gone by now: another thread took it, released it and freed it. Its address is
            // all that is used.
            wake_one(word);
        }
    }

    /// Makes the lock free, whoever held it: for the child after a fork, where the holder does not exist.
    ///
    /// # Safety
    /// No other thread uses the lock, and what it guards is in a state that the next holder can work with.
    pub unsafe fn force_release(&self) {
        self.state.store(FREE, Release);
    }

    /// Whether somebody holds the lock at this moment.
    pub fn is_held(&self) -> bool {
        self.state.load(Relaxed) != FREE
    }
}

impl Default for RawLock {
    fn default() -> RawLock {
        RawLock::new()
    }
}

impl fmt::Debug for RawLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawLock").field("held", &self.is_held()).finish()
    }
}

#[cold]
fn wake_one(word: *const AtomicU32) {
    futex::wake(word, 1);
}

/// Data behind a lock that spins for a moment and then sleeps.
pub struct SpinLock<T: ?Sized> {
    lock: RawLock,
    data: UnsafeCell<T>,
}

// SAFETY: the lock hands the data to one thread at a time; whoever has the lock may move the data out, so `T`
// must be sendable, and nothing more is asked since it is never shared.
unsafe impl<T: ?Sized + Send> Send for SpinLock<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send> Sync for SpinLock<T> {}

impl<T> SpinLock<T> {
    /// A free lock around `data`.
    pub const fn new(data: T) -> SpinLock<T> {
        SpinLock { lock: RawLock::new(), data: UnsafeCell::new(data) }
    }
}

impl<T: ?Sized> SpinLock<T> {
    /// Waits until the lock is free and takes it.
    #[inline]
    pub fn lock(&self) -> SpinGuard<'_, T> {
        self.lock.acquire();
        SpinGuard { owner: self }
    }

    /// Takes the lock if it is free.
    #[inline]
    pub fn try_lock(&self) -> Option<SpinGuard<'_, T>> {
        // Not `then_some`: a guard made in vain would release somebody else's lock when it is dropped.
        if self.lock.try_acquire() { Some(SpinGuard { owner: self }) } else { None }
    }

    /// The data, for whoever has the lock alone.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }

    /// The lock itself, for fork handlers that take it in one function and release it in another.
    pub const fn raw(&self) -> &RawLock {
        &self.lock
    }

    /// Makes the lock free, whoever held it: for the child after a fork, where the holder does not exist.
    ///
    /// # Safety
    /// No guard of this lock is alive in this process, and the data is in a state that the next holder can work
    /// with.
    pub unsafe fn force_unlock(&self) {
        // SAFETY: the caller promises what `force_release` asks for.
        unsafe { self.lock.force_release() }
    }
}

impl<T: Default> Default for SpinLock<T> {
    fn default() -> SpinLock<T> {
        SpinLock::new(T::default())
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for SpinLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("SpinLock");
        match self.try_lock() {
            Some(guard) => out.field("data", &&*guard),
            None => out.field("data", &format_args!("<held>")),
        };
        out.finish()
    }
}

/// Access to a [`SpinLock`]'s data; gives the lock back when dropped.
#[must_use = "the lock is released when the guard is dropped"]
pub struct SpinGuard<'a, T: ?Sized> {
    owner: &'a SpinLock<T>,
}

// SAFETY: a shared guard gives shared access to the data and to nothing else, so `T: Sync` is what it takes; the
// automatic implementation would ask for `Send` only, which the lock needs and a guard does not give.
unsafe impl<T: ?Sized + Sync> Sync for SpinGuard<'_, T> {}

impl<T: ?Sized> Deref for SpinGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard exists, so this thread holds the lock and no other guard does.
        unsafe { &*self.owner.data.get() }
    }
}

impl<T: ?Sized> DerefMut for SpinGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard exists and is borrowed mutably, so this is the only access to the data.
        unsafe { &mut *self.owner.data.get() }
    }
}

impl<T: ?Sized> Drop for SpinGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the guard holds the lock, and references to the data borrow from the guard.
        unsafe { self.owner.lock.release() }
    }
}

const EMPTY: u32 = 0;
const FILLING: u32 = 1;
/// Somebody fills the cell, and somebody may be asleep until then.
const FILLING_AWAITED: u32 = 2;
const FULL: u32 = 3;

/// A cell that is filled once and then only read; reading a full one is a load and a compare.
///
/// If the function that fills it fails, the cell is empty again and the next caller tries.
pub struct Once<T> {
    state: AtomicU32,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the value is moved in by one thread and may be dropped by another.
unsafe impl<T: Send> Send for Once<T> {}
// SAFETY: after it is filled the value is shared, and the thread that fills it sends it to the others.
unsafe impl<T: Send + Sync> Sync for Once<T> {}

impl<T> Once<T> {
    /// An empty cell.
    pub const fn new() -> Once<T> {
        Once { state: AtomicU32::new(EMPTY), value: UnsafeCell::new(MaybeUninit::uninit()) }
    }

    /// The value, if the cell has been filled.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if self.state.load(Acquire) == FULL {
            // SAFETY: FULL is stored with release after the value was written, and never left again.
            Some(unsafe { (*self.value.get()).assume_init_ref() })
        } else {
            None
        }
    }

    /// The value; the first caller fills the cell with `fill`, others wait for it.
    ///
    /// `fill` must not come back to the same cell.
    #[inline]
    pub fn get_or_init(&self, fill: impl FnOnce() -> T) -> &T {
        match self.get_or_try_init(|| Ok::<T, core::convert::Infallible>(fill())) {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// Like [`Once::get_or_init`]; when `fill` fails, so does the call, and the cell stays empty.
    #[inline]
    pub fn get_or_try_init<E>(&self, fill: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        match self.get() {
            Some(value) => Ok(value),
            None => self.fill(fill),
        }
    }

    #[cold]
    fn fill<E>(&self, fill: impl FnOnce() -> Result<T, E>) -> Result<&T, E> {
        loop {
            match self.state.compare_exchange(EMPTY, FILLING, Acquire, Acquire) {
                Ok(_) => break,
                Err(FULL) => {
                    // SAFETY: FULL was read with acquire; see `get`.
                    return Ok(unsafe { (*self.value.get()).assume_init_ref() });
                }
                Err(FILLING) => {
                    // A failure means that the state changed, which the next turn sees.
                    let _ = self.state.compare_exchange(FILLING, FILLING_AWAITED, Relaxed, Relaxed);
                }
                Err(_) => {
                    futex::wait(&self.state, FILLING_AWAITED);
                }
            }
        }
        // If `fill` fails or unwinds, the guard leaves an empty cell.
        let mut filling = Filling { state: &self.state, outcome: EMPTY };
        let value = fill()?;
        // SAFETY: FILLING was taken from EMPTY by this thread alone, so nobody else touches the value until the
        // guard stores FULL.
        let value = unsafe { (*self.value.get()).write(value) };
        filling.outcome = FULL;
        drop(filling);
        Ok(value)
    }
}

/// Ends the filling of a cell with its outcome and wakes who waits.
struct Filling<'a> {
    state: &'a AtomicU32,
    outcome: u32,
}

impl Drop for Filling<'_> {
    fn drop(&mut self) {
        if self.state.swap(self.outcome, Release) == FILLING_AWAITED {
            futex::wake(self.state, u32::MAX >> 1);
        }
    }
}

impl<T> Default for Once<T> {
    fn default() -> Once<T> {
        Once::new()
    }
}

impl<T> Drop for Once<T> {
    fn drop(&mut self) {
        if *self.state.get_mut() == FULL {
            // SAFETY: FULL says that the value is there, and nobody can use it after this.
            unsafe { self.value.get_mut().assume_init_drop() }
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Once<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Once").field(&self.get()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::Barrier;
    use std::sync::atomic::AtomicUsize;
    use std::thread;

    use super::*;

    #[test]
    fn a_lock_excludes() {
        const THREADS: usize = 8;
        const TURNS: usize = 20_000;
        let counter = SpinLock::new((0usize, 0usize));
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    for turn in 0..TURNS {
                        let mut guard = counter.lock();
                        guard.0 += 1;
                        if turn % 64 == 0 {
                            // A slow holder, so that the others fall asleep.
                            thread::yield_now();
                        }
                        guard.1 += 1;
                        assert_eq!(guard.0, guard.1);
                    }
                });
            }
        });
        assert_eq!(*counter.lock(), (THREADS * TURNS, THREADS * TURNS));
    }

    #[test]
    fn a_held_lock_is_not_taken() {
        let lock = SpinLock::new(5);
        let guard = lock.lock();
        assert!(lock.try_lock().is_none());
        assert!(lock.raw().is_held());
        drop(guard);
        assert_eq!(*lock.try_lock().unwrap(), 5);
        assert!(!lock.raw().is_held());
    }

    #[test]
    fn a_lock_of_a_lost_holder_can_be_freed() {
        let lock = SpinLock::new(5);
        core::mem::forget(lock.lock());
        assert!(lock.try_lock().is_none());
        // SAFETY: the only guard was forgotten and the data is whole.
        unsafe { lock.force_unlock() };
        assert_eq!(*lock.lock(), 5);
    }

    #[test]
    fn a_lock_may_be_freed_by_the_next_holder() {
        for _ in 0..500 {
            let lock = Arc::new(SpinLock::new(0));
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    let lock = Arc::clone(&lock);
                    thread::spawn(move || *lock.lock() += 1)
                })
                .collect();
            drop(lock);
            for thread in threads {
                thread.join().unwrap();
            }
        }
    }

    #[test]
    fn a_cell_is_filled_once_by_many_threads() {
        for _ in 0..200 {
            let fills = AtomicUsize::new(0);
            let cell = Once::new();
            let start = Barrier::new(4);
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        start.wait();
                        let value = cell.get_or_init(|| {
                            thread::yield_now();
                            fills.fetch_add(1, Relaxed);
                            vec![1, 2, 3]
                        });
                        assert_eq!(value, &[1, 2, 3]);
                    });
                }
            });
            assert_eq!(fills.load(Relaxed), 1);
        }
    }

    #[test]
    fn a_failed_or_panicking_fill_leaves_the_cell_empty() {
        let cell = Once::<String>::new();
        assert_eq!(cell.get_or_try_init(|| Err("no")), Err("no"));
        assert_eq!(cell.get(), None);
        let panicked = thread::scope(|scope| {
            scope.spawn(|| cell.get_or_init(|| panic!("expected by the test")).len()).join().is_err()
        });
        assert!(panicked);
        assert_eq!(cell.get_or_init(|| String::from("yes")), "yes");
        assert_eq!(cell.get_or_try_init(|| Err("no")).map(String::as_str), Ok("yes"));
    }

    #[test]
    fn a_full_cell_drops_its_value() {
        let value = Arc::new(());
        let cell = Once::new();
        cell.get_or_init(|| Arc::clone(&value));
        drop(cell);
        drop(Once::<Arc<()>>::new());
        assert_eq!(Arc::strong_count(&value), 1);
    }
}
