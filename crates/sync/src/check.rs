//! Running a closure and looking at what it did.

use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::sync::Arc;

use crate::rt::misuse::{Kind, Misuse};
use crate::rt::report::{Group, Race};
use crate::rt::{self, Mode};

/// What a [`check`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "nothing else tells what was found"]
pub struct Report {
    /// The races, in the order in which they were seen.
    pub races: Vec<Race>,
    /// The misuses, likewise.
    pub misuses: Vec<Misuse>,
}

impl Report {
    /// True if nothing was found.
    pub fn is_clean(&self) -> bool {
        self.races.is_empty() && self.misuses.is_empty()
    }

    /// The kinds of the misuses.
    pub fn kinds(&self) -> Vec<Kind> {
        self.misuses.iter().map(Misuse::kind).collect()
    }
}

/// All reports as text.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.races.iter().try_for_each(|race| race.fmt(f))?;
        self.misuses.iter().try_for_each(|misuse| misuse.fmt(f))
    }
}

/// Runs `f`, and gives back the races and misuses of this thread and of those that `f` makes. Nothing of
/// them is printed.
///
/// `f` must be self-contained: if all its threads wait, that is a deadlock, since nobody else is expected to
/// wake them. A panic of `f` goes on, unless it is that of a misuse which the report has.
///
/// ```
/// use racecheck::go::Chan;
/// use racecheck::Kind;
///
/// let report = racecheck::check(|| {
///     let c = Chan::<i32>::make(0);
///     c.recv();
/// });
/// assert_eq!(report.kinds(), [Kind::AllAsleep]);
/// ```
pub fn check(f: impl FnOnce()) -> Report {
    let group = Arc::new(Group::default());
    let result = rt::in_group(&group, || catch_unwind(AssertUnwindSafe(f)));
    let (races, misuses) = group.take();
    if let Err(panic) = result {
        let text =
            panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        let of_misuse = |text: &str| misuses.iter().any(|m| text.contains(m.message()));
        // `unwrap` of a join has the child's panic only as a number of a type.
        let of_join = text.is_some_and(|text| text.contains("Any { .. }")) && !misuses.is_empty();
        let of_scope = text.is_some_and(|text| text == "a scoped thread panicked") && !misuses.is_empty();
        if !of_join && !of_scope && !text.is_some_and(of_misuse) {
            resume_unwind(panic);
        }
    }
    Report { races, misuses }
}

/// Runs the body of a test, and lets it fail if it raced, in Go's words.
///
/// ```
/// # use racecheck::sync::Mutex;
/// racecheck::check_test("sums", || {
///     let sum = Mutex::new(0);
///     *sum.lock().unwrap() += 1;
/// });
/// ```
///
/// # Panics
/// If there was a race or a misuse.
#[track_caller]
pub fn check_test(name: &str, f: impl FnOnce()) {
    let place = Location::caller();
    let report = check(f);
    if report.is_clean() {
        return;
    }
    rt::report::write_text(racecheck_report::options::LogTarget::Stderr, &report.to_string());
    if report.races.is_empty() {
        panic!("misuse detected during execution of test {name} at {place}");
    }
    panic!("race detected during execution of test {name} at {place}");
}

/// Who records what happens in this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detector {
    /// Nobody: the feature `detect` is off, or the build is optimised and `RACECHECK_DETECT` is not 1.
    Nobody,
    /// This crate.
    Shim,
    /// The runtime with which the instrumented program is linked.
    Runtime,
}

/// Who records what happens in this process.
pub fn detector() -> Detector {
    match rt::mode() {
        Mode::Own => Detector::Shim,
        Mode::Instrumented => Detector::Runtime,
        _ => Detector::Nobody,
    }
}
