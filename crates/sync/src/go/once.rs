use std::fmt;
use std::panic::Location;
use std::sync::Arc;
use std::sync::Mutex as StdMutex;

use crate::rt::lock;
use crate::rt::place::Place;
use crate::rt::run_once::{AfterPanic, OnPoison, RunOnce};

/// Go's `sync.Once`: one call of `run` runs its function, the others wait for it. A function that panics
/// counts as run.
///
/// > The completion of a single call of `f()` from `once.Do(f)` is synchronized before the return of any call
/// > of `once.Do(f)`.
///
/// ```
/// use racecheck::go::Once;
///
/// let once = Once::new();
/// let mut calls = 0;
/// once.run(|| calls += 1);
/// once.run(|| calls += 1);
/// assert_eq!(calls, 1);
/// ```
pub struct Once(RunOnce);

impl Once {
    /// One that ran nothing yet.
    pub const fn new() -> Self {
        Once(RunOnce::new())
    }

    /// Go's `Do`.
    ///
    /// # Panics
    /// If `f` calls it again: Go's would deadlock.
    #[track_caller]
    pub fn run(&self, f: impl FnOnce()) {
        self.run_at(Location::caller(), f);
    }

    fn run_at(&self, place: Place, f: impl FnOnce()) {
        self.0.run(place, OnPoison::Ignore, AfterPanic::Poisoned, |_| f());
    }
}

impl Default for Once {
    fn default() -> Self {
        Once::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

/// Go's `OnceFunc`: a function that calls `f` once. If that panics, every call panics.
///
/// ```
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// static CALLS: AtomicU32 = AtomicU32::new(0);
/// let f = racecheck::go::once_func(|| _ = CALLS.fetch_add(1, Ordering::Relaxed));
/// f();
/// f();
/// assert_eq!(CALLS.load(Ordering::Relaxed), 1);
/// ```
#[track_caller]
pub fn once_func(f: impl FnOnce() + Send + 'static) -> impl Fn() + Send + Sync + Clone {
    once_value(f)
}

/// Go's `OnceValue`: a function that calls `f` once and gives its value each time.
///
/// ```
/// let answer = racecheck::go::once_value(|| 6 * 7);
/// assert_eq!((answer(), answer()), (42, 42));
/// ```
#[track_caller]
pub fn once_value<T: Clone + Send + Sync + 'static>(
    f: impl FnOnce() -> T + Send + 'static,
) -> impl Fn() -> T + Send + Sync + Clone {
    struct Shared<T, F> {
        once: Once,
        make: StdMutex<Option<F>>,
        value: std::sync::OnceLock<T>,
    }
    let place = Location::caller();
    let shared = Arc::new(Shared {
        once: Once::new(),
        make: StdMutex::new(Some(f)),
        value: std::sync::OnceLock::new(),
    });
    move || {
        shared.once.run_at(place, || {
            let make = lock(&shared.make).take();
            if let Some(make) = make {
                // It is set here only, once.
                let _ = shared.value.set(make());
            }
        });
        shared.value.get().cloned().expect("the function of this once_value panicked")
    }
}

/// Go's `OnceValues`: as [`once_value`], with two values.
///
/// ```
/// let pair = racecheck::go::once_values(|| (1, "one"));
/// assert_eq!(pair(), (1, "one"));
/// ```
#[track_caller]
pub fn once_values<A, B>(
    f: impl FnOnce() -> (A, B) + Send + 'static,
) -> impl Fn() -> (A, B) + Send + Sync + Clone
where
    A: Clone + Send + Sync + 'static,
    B: Clone + Send + Sync + 'static,
{
    once_value(f)
}
