//! Synchronisation primitives that know who happens before whom.
//!
//! Two sets of primitives record what orders threads, find data races between the accesses that are recorded,
//! and say when a primitive is misused:
//!
//! - **mirrors of the standard library**: [`sync`], [`thread`] and [`cell`] have its names and its behaviour,
//!   so that a program is switched over by its `use` lines;
//! - **Go's `sync` package** and what belongs to it: [`go`].
//!
//! ```
//! use racecheck::cell::RaceCell;
//! use racecheck::sync::Mutex;
//! use racecheck::thread;
//!
//! let report = racecheck::check(|| {
//!     let (lock, hits) = (Mutex::new(()), RaceCell::named("hits", 0));
//!     thread::scope(|s| {
//!         s.spawn(|| {
//!             let _guard = lock.lock().unwrap();
//!             hits.set(hits.get() + 1);
//!         });
//!         s.spawn(|| hits.set(hits.get() + 1)); // no lock
//!     });
//! });
//! assert!(!report.races.is_empty());
//! println!("{report}");
//! ```
//!
//! # When it is on
//! Without the feature `detect` (a default one) `sync`, `thread` and `cell` *are* the standard library's, and
//! cost nothing. With it they record in builds with debug assertions; `RACECHECK_DETECT=1` or `0` in the
//! environment turns it on or off in any build. In a program that is instrumented by racecheck the
//! runtime records: this crate tells it the edges and the cells, and goes on telling of misuse by itself.
//!
//! # What is checked
//! Events of these primitives, and accesses to [`cell::RaceCell`] and its kin. Other memory is not seen: for
//! that, instrument the program. Synchronisation by other means (the standard library's own locks, a thread
//! pool's queue) is not seen either; [`acquire`] and [`release`] tell about it. The start and the end of a
//! thread that was made by other means are taken to be ordered with everything, so that they give no
//! false report.

#![cfg_attr(not(feature = "detect"), allow(dead_code, unused_imports, reason = "the mirrors alone use it"))]

mod channel;
mod check;
mod rt;

pub mod cell;
pub mod go;
#[cfg(feature = "detect")]
pub mod sync;
#[cfg(feature = "detect")]
pub mod thread;

/// The standard library's own.
#[cfg(not(feature = "detect"))]
pub use std::{sync, thread};

/// Makes each field of a struct a [`cell::RaceCell`] of its own, named `Struct.field` in reports, and a constructor
/// that takes the values in their order: `new`, or what the attribute names. A field with `#[plain]` stays as it is.
///
/// ```
/// #[racecheck::checked]
/// pub struct Account<T: Copy> {
///     pub balance: T,
///     pub limit: T,
///     #[plain]
///     pub owner: String,
/// }
///
/// let report = racecheck::check(|| {
///     let account = Account::new(100, 10, "Ada".to_owned());
///     racecheck::thread::scope(|s| {
///         s.spawn(|| account.balance.set(90));
///         s.spawn(|| account.limit.set(20)); // another field: no race
///         s.spawn(|| account.balance.set(80));
///     });
/// });
/// assert_eq!(report.races.len(), 1);
/// assert!(report.to_string().contains("\"Account.balance\""));
/// ```
#[cfg(feature = "derive")]
pub use racecheck_derive::checked;

pub use check::{Detector, Report, check, check_test, detector};
pub use rt::DETECT_VARIABLE;
pub use rt::misuse::{Kind, Misuse};
pub use rt::report::Race;

/// Tells that what was [`release`]d for `object` is ordered before what this thread does from now on. For
/// synchronisation that this crate doesn't see.
///
/// ```
/// use racecheck::cell::RaceCell;
///
/// let report = racecheck::check(|| {
///     let value = RaceCell::new(0);
///     let by_other_means = std::sync::Mutex::new(());
///     racecheck::thread::scope(|s| {
///         for _ in 0..2 {
///             s.spawn(|| {
///                 let _guard = by_other_means.lock();
///                 racecheck::acquire(&by_other_means);
///                 value.update(|v| v + 1);
///                 racecheck::release(&by_other_means);
///             });
///         }
///     });
/// });
/// assert!(report.is_clean());
/// ```
pub fn acquire<T: ?Sized>(object: &T) {
    rt::annotated(object, rt::Annotation::Acquire);
}

/// Tells that what this thread did so far is ordered before whoever [`acquire`]s `object` from now on.
pub fn release<T: ?Sized>(object: &T) {
    rt::annotated(object, rt::Annotation::Release);
}

/// Which tool when: how locks are used, and what would fit better.
pub mod advice {
    pub use crate::rt::advice::{
        Advice, FEWEST_ACQUISITIONS, LONG_HOLD, READ_SHARE_FOR_RWLOCK, Usage, collect, start,
    };
}

/// The examples of `racecheck explain` are compiled and run as tests of this crate.
#[cfg(all(doctest, feature = "detect"))]
mod explanations {
    #[doc = include_str!("../../report/explain/RC0101.md")]
    mod rc0101 {}
    #[doc = include_str!("../../report/explain/RC0102.md")]
    mod rc0102 {}
    #[doc = include_str!("../../report/explain/RC0103.md")]
    mod rc0103 {}
    #[doc = include_str!("../../report/explain/RC0104.md")]
    mod rc0104 {}
    #[doc = include_str!("../../report/explain/RC0105.md")]
    mod rc0105 {}
    #[doc = include_str!("../../report/explain/RC0106.md")]
    mod rc0106 {}
    #[doc = include_str!("../../report/explain/RC0107.md")]
    mod rc0107 {}
    #[doc = include_str!("../../report/explain/RC0108.md")]
    mod rc0108 {}
    #[doc = include_str!("../../report/explain/RC0109.md")]
    mod rc0109 {}
    #[doc = include_str!("../../report/explain/RC0110.md")]
    mod rc0110 {}
    #[doc = include_str!("../../report/explain/RC0111.md")]
    mod rc0111 {}
    #[doc = include_str!("../../report/explain/RC0112.md")]
    mod rc0112 {}
    #[doc = include_str!("../../report/explain/RC0113.md")]
    mod rc0113 {}
    #[doc = include_str!("../../report/explain/RC0114.md")]
    mod rc0114 {}
    #[doc = include_str!("../../report/explain/RC0115.md")]
    mod rc0115 {}
    #[doc = include_str!("../../report/explain/RC0116.md")]
    mod rc0116 {}
}
