use std::cell::Cell;
use std::fmt;
use std::ops::Deref;
use std::panic::{Location, RefUnwindSafe, UnwindSafe};

use crate::rt::run_once::{AfterPanic, OnPoison, RunOnce};

/// Mirror of [`std::sync::OnceLock`]: whoever sees the value is ordered after its making.
///
/// ```
/// use racecheck::sync::OnceLock;
///
/// static NAME: OnceLock<String> = OnceLock::new();
/// assert_eq!(NAME.get(), None);
/// assert_eq!(NAME.get_or_init(|| "a".to_owned()), "a");
/// assert_eq!(NAME.set("b".to_owned()), Err("b".to_owned()));
/// ```
pub struct OnceLock<T> {
    once: RunOnce,
    value: std::sync::OnceLock<T>,
}

impl<T> OnceLock<T> {
    /// As [`std::sync::OnceLock::new`].
    pub const fn new() -> Self {
        OnceLock { once: RunOnce::new(), value: std::sync::OnceLock::new() }
    }

    /// As [`std::sync::OnceLock::get`].
    pub fn get(&self) -> Option<&T> {
        if self.once.is_done() { self.value.get() } else { None }
    }

    /// As [`std::sync::OnceLock::get_mut`].
    pub fn get_mut(&mut self) -> Option<&mut T> {
        self.value.get_mut()
    }

    /// As [`std::sync::OnceLock::set`].
    #[track_caller]
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        self.once.run(Location::caller(), OnPoison::TryAgain, AfterPanic::New, |_| {
            value = value.take().and_then(|value| self.value.set(value).err());
        });
        value.map_or(Ok(()), Err)
    }

    /// As [`std::sync::OnceLock::wait`].
    #[track_caller]
    pub fn wait(&self) -> &T {
        self.once.wait_done(Location::caller(), OnPoison::TryAgain);
        self.value.wait()
    }

    /// As [`std::sync::OnceLock::get_or_init`].
    #[track_caller]
    pub fn get_or_init<F: FnOnce() -> T>(&self, f: F) -> &T {
        self.once.run(Location::caller(), OnPoison::TryAgain, AfterPanic::New, |_| {
            // Nobody else sets it: `once` is run by one thread at a time.
            let _ = self.value.set(f());
        });
        self.value.get().expect("the call of `run` returns after the value was set")
    }

    /// As [`std::sync::OnceLock::into_inner`].
    pub fn into_inner(self) -> Option<T> {
        self.value.into_inner()
    }

    /// As [`std::sync::OnceLock::take`].
    pub fn take(&mut self) -> Option<T> {
        self.once = RunOnce::new();
        self.value.take()
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        OnceLock::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<T: Clone> Clone for OnceLock<T> {
    fn clone(&self) -> Self {
        match self.get() {
            Some(value) => OnceLock::from(value.clone()),
            None => OnceLock::new(),
        }
    }
}

impl<T> From<T> for OnceLock<T> {
    fn from(value: T) -> Self {
        let cell = OnceLock::new();
        // It was empty a line above.
        let _ = cell.set(value);
        cell
    }
}

impl<T: PartialEq> PartialEq for OnceLock<T> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceLock<T> {}

impl<T: RefUnwindSafe + UnwindSafe> RefUnwindSafe for OnceLock<T> {}

/// Mirror of [`std::sync::LazyLock`].
///
/// ```
/// use racecheck::sync::LazyLock;
///
/// static WORDS: LazyLock<Vec<&str>> = LazyLock::new(|| "one two".split(' ').collect());
/// assert_eq!(WORDS.len(), 2);
/// ```
pub struct LazyLock<T, F = fn() -> T> {
    once: RunOnce,
    value: std::sync::OnceLock<T>,
    make: Cell<Option<F>>,
}

// SAFETY: `make` is taken by the one thread that runs `once`.
unsafe impl<T: Send + Sync, F: Send> Sync for LazyLock<T, F> {}

impl<T: RefUnwindSafe + UnwindSafe, F: UnwindSafe> RefUnwindSafe for LazyLock<T, F> {}
impl<T: UnwindSafe, F: UnwindSafe> UnwindSafe for LazyLock<T, F> {}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// As [`std::sync::LazyLock::new`].
    pub const fn new(f: F) -> Self {
        LazyLock { once: RunOnce::new(), value: std::sync::OnceLock::new(), make: Cell::new(Some(f)) }
    }

    /// As [`std::sync::LazyLock::force`].
    #[track_caller]
    pub fn force(this: &Self) -> &T {
        this.once.run(Location::caller(), OnPoison::Panic, AfterPanic::Poisoned, |_| {
            if let Some(make) = this.make.take() {
                // Nobody else sets it: `once` is run by one thread at a time.
                let _ = this.value.set(make());
            }
        });
        this.value.get().expect("the call of `run` returns after the value was set")
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    #[track_caller]
    fn deref(&self) -> &T {
        LazyLock::force(self)
    }
}

impl<T: Default> Default for LazyLock<T> {
    fn default() -> Self {
        LazyLock::new(T::default)
    }
}

impl<T: fmt::Debug, F> fmt::Debug for LazyLock<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tuple = f.debug_tuple("LazyLock");
        match self.value.get() {
            Some(value) => tuple.field(value),
            None => tuple.field(&format_args!("<uninit>")),
        };
        tuple.finish()
    }
}
