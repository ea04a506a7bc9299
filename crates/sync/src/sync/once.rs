use std::fmt;
use std::panic::Location;

use crate::rt::run_once::{AfterPanic, OnPoison, RunOnce};

/// Mirror of [`std::sync::Once`]: the call is ordered before the return of every `call_once`.
///
/// ```
/// use racecheck::sync::Once;
///
/// static INIT: Once = Once::new();
/// let mut ran = 0;
/// INIT.call_once(|| ran += 1);
/// INIT.call_once(|| ran += 1);
/// assert_eq!(ran, 1);
/// ```
pub struct Once(RunOnce);

/// Mirror of [`std::sync::OnceState`].
pub struct OnceState {
    poisoned: bool,
}

impl OnceState {
    /// As [`std::sync::OnceState::is_poisoned`].
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }
}

impl fmt::Debug for OnceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceState").field("poisoned", &self.poisoned).finish()
    }
}

impl Once {
    /// As [`std::sync::Once::new`].
    pub const fn new() -> Self {
        Once(RunOnce::new())
    }

    /// As [`std::sync::Once::call_once`].
    ///
    /// # Panics
    /// If `f` calls it again, or an earlier call panicked.
    #[track_caller]
    pub fn call_once<F: FnOnce()>(&self, f: F) {
        self.0.run(Location::caller(), OnPoison::Panic, AfterPanic::Poisoned, |_| f());
    }

    /// As [`std::sync::Once::call_once_force`].
    #[track_caller]
    pub fn call_once_force<F: FnOnce(&OnceState)>(&self, f: F) {
        let run = |poisoned| f(&OnceState { poisoned });
        self.0.run(Location::caller(), OnPoison::TryAgain, AfterPanic::Poisoned, run);
    }

    /// As [`std::sync::Once::is_completed`].
    pub fn is_completed(&self) -> bool {
        self.0.is_done()
    }

    /// As [`std::sync::Once::wait`].
    #[track_caller]
    pub fn wait(&self) {
        self.0.wait_done(Location::caller(), OnPoison::Panic);
    }

    /// As [`std::sync::Once::wait_force`].
    #[track_caller]
    pub fn wait_force(&self) {
        self.0.wait_done(Location::caller(), OnPoison::TryAgain);
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
