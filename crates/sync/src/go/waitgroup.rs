use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex};

use super::mutex::LastPlace;
use crate::channel::waiting;
use crate::rt::misuse::{self, Kind, Misuse};
use crate::rt::place::Place;
use crate::rt::{Call, Object, lock, parking};
use racecheck_report::model::Stack;

/// Go's `sync.WaitGroup`. Clones are the same group.
///
/// > In the terminology of the Go memory model, a call to `Done` “synchronizes before” the return of any `Wait`
/// > call that it unblocks.
///
/// ```
/// use racecheck::cell::RaceCell;
/// use racecheck::go::WaitGroup;
/// use std::sync::Arc;
///
/// let report = racecheck::check(|| {
///     let (wg, sum) = (WaitGroup::new(), Arc::new(RaceCell::new(0)));
///     wg.add(1);
///     let (theirs, done) = (sum.clone(), wg.clone());
///     racecheck::thread::spawn(move || {
///         theirs.set(3);
///         done.done();
///     });
///     wg.wait();
///     assert_eq!(sum.get(), 3);
/// });
/// assert!(report.is_clean());
/// ```
#[derive(Clone)]
pub struct WaitGroup {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    object: Object,
    /// An `add` from zero must be ordered with every `wait`: otherwise the wait may come first and find
    /// nothing to wait for. Whatever the schedule was, this finds it.
    first_add_and_wait: Object,
    last_add: LastPlace,
    last_done: LastPlace,
    last_wait: LastPlace,
}

#[derive(Debug, Default)]
struct State {
    counter: i64,
    /// Which time the counter is on its way to zero.
    round: u64,
    waiters: usize,
    /// Waiters of a round that is over and that have not returned yet.
    returning: usize,
}

impl WaitGroup {
    /// A group that counts zero.
    pub fn new() -> Self {
        WaitGroup {
            shared: Arc::new(Shared {
                state: Mutex::default(),
                object: Object::new(),
                first_add_and_wait: Object::new(),
                last_add: LastPlace::new(),
                last_done: LastPlace::new(),
                last_wait: LastPlace::new(),
            }),
        }
    }

    fn key(&self) -> usize {
        &raw const self.shared.state as usize
    }

    /// Counts `delta` more, or fewer if it is negative.
    ///
    /// # Panics
    /// If the counter gets negative, or the group is used again before all waiters of the last time returned.
    #[track_caller]
    pub fn add(&self, delta: i64) {
        let place = Location::caller();
        if delta < 0 {
            // What was done before counts for those that this lets go.
            self.shared.object.release();
            self.shared.last_done.set(place);
        }
        let (outcome, zero) = {
            let mut state = lock(&self.shared.state);
            let before = state.counter;
            state.counter += delta;
            let after = state.counter;
            let outcome = if after < 0 {
                state.counter = before;
                Outcome::Negative
            } else if delta > 0 && before == 0 && state.returning > 0 {
                state.counter = before;
                Outcome::Reused
            } else if delta > 0 && before == 0 {
                Outcome::First
            } else {
                Outcome::Right
            };
            let zero = outcome != Outcome::Negative && before > 0 && after == 0;
            if zero {
                state.round += 1;
                state.returning += state.waiters;
                state.waiters = 0;
            }
            (outcome, zero)
        };
        match outcome {
            Outcome::Right => {}
            Outcome::Negative => misuse::fail(
                Misuse::new(Kind::NegativeCounter, "sync: negative WaitGroup counter")
                    .here("It is counted down", place)
                    .earlier("Last add", self.shared.last_add.get()),
            ),
            Outcome::Reused => misuse::fail(
                Misuse::new(
                    Kind::WaitGroupReuse,
                    "sync: WaitGroup is reused before previous Wait has returned",
                )
                .here("It is counted up", place)
                .earlier("The Wait is called", self.shared.last_wait.get()),
            ),
            Outcome::First => {
                let wait = self.shared.last_wait.get();
                self.note_unordered(self.shared.first_add_and_wait.call(Call::First, place, wait));
            }
        }
        if delta > 0 {
            self.shared.last_add.set(place);
        }
        if zero {
            parking::wake_all(self.key());
        }
    }

    /// An `add` from zero and a `wait` that nothing orders.
    fn note_unordered(&self, calls: Option<(Stack, Stack)>) {
        if let Some((now, before)) = calls {
            let mut misuse = Misuse::new(
                Kind::AddInThread,
                "sync: WaitGroup misuse: Add called concurrently with Wait (call Add before the thread is made)",
            );
            misuse.add("This call", now);
            misuse.add("is concurrent with this call", before);
            misuse::note(misuse);
        }
    }

    /// Counts one less.
    ///
    /// # Panics
    /// If the counter gets negative.
    #[track_caller]
    pub fn done(&self) {
        self.add(-1);
    }

    /// Waits until the counter is zero.
    #[track_caller]
    pub fn wait(&self) {
        let place = Location::caller();
        self.shared.last_wait.set(place);
        let add = self.shared.last_add.get();
        self.note_unordered(self.shared.first_add_and_wait.call(Call::Second, place, add));
        self.wait_at(place);
    }

    /// As [`WaitGroup::wait`], where a lock that this crate does not show orders it with `add`.
    #[track_caller]
    pub(super) fn wait_for_other(&self) {
        self.wait_at(Location::caller());
    }

    fn wait_at(&self, place: Place) {
        let round = {
            let mut state = lock(&self.shared.state);
            if state.counter == 0 {
                None
            } else {
                state.waiters += 1;
                Some(state.round)
            }
        };
        if let Some(round) = round {
            let _returns = Returns { group: self, round };
            let wait = waiting("sync.WaitGroup.Wait", place);
            parking::wait_for(&[self.key()], wait, || {
                (lock(&self.shared.state).round != round).then_some(())
            });
        }
        self.shared.object.acquire();
    }

    /// Counts one more, and lets a new thread run `f` and count it down: Go's `wg.Go`.
    #[track_caller]
    pub fn go(&self, f: impl FnOnce() + Send + 'static) {
        self.add(1);
        let group = self.clone();
        let place = Location::caller();
        crate::thread::spawn(move || {
            /// Counts down also when `f` panics.
            struct Done(WaitGroup, Place);
            impl Drop for Done {
                fn drop(&mut self) {
                    self.0.shared.last_done.set(self.1);
                    self.0.add(-1);
                }
            }
            let _done = Done(group, place);
            f();
        });
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Right,
    Negative,
    Reused,
    /// Right, if it is ordered with every wait.
    First,
}

/// A waiter on its way out, also by a panic.
struct Returns<'a> {
    group: &'a WaitGroup,
    round: u64,
}

impl Drop for Returns<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.group.shared.state);
        if state.round == self.round {
            state.waiters -= 1;
        } else {
            state.returning -= 1;
        }
    }
}

impl Default for WaitGroup {
    fn default() -> Self {
        WaitGroup::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitGroup")
            .field("counter", &lock(&self.shared.state).counter)
            .finish_non_exhaustive()
    }
}
