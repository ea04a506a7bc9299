//! Running something once: what `Once` and its kin have in common.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ThreadId;

use super::misuse::{self, Kind, Misuse};
use super::parking::{self, On, Waiting};
use super::place::Place;
use super::{Object, lock};

/// Runs a function once; others wait for it.
pub(crate) struct RunOnce {
    done: AtomicBool,
    progress: Mutex<Progress>,
    object: Object,
}

#[derive(Clone, Copy)]
enum Progress {
    New,
    Running { thread: ThreadId, shown: u32, place: Place },
    Poisoned,
    Done,
}

/// What a panic of an earlier call means for a later one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnPoison {
    Panic,
    TryAgain,
    /// Nothing: it counts as done.
    Ignore,
}

/// What a panic of this call leaves behind.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterPanic {
    Poisoned,
    New,
}

impl RunOnce {
    pub(crate) const fn new() -> Self {
        RunOnce { done: AtomicBool::new(false), progress: Mutex::new(Progress::New), object: Object::new() }
    }

    /// True, and ordered after the run, if it is done.
    pub(crate) fn is_done(&self) -> bool {
        let done = self.done.load(Ordering::Acquire);
        if done {
            self.object.acquire();
        }
        done
    }

    pub(crate) fn wait_done(&self, place: Place, on_poison: OnPoison) {
        let waiting = Waiting { what: "Once wait", place, on: On::Anybody };
        let poisoned = parking::wait_for(&[self.key()], waiting, || match *lock(&self.progress) {
            Progress::Done => Some(false),
            Progress::Poisoned if on_poison == OnPoison::Panic => Some(true),
            _ => None,
        });
        assert!(!poisoned, "Once instance has previously been poisoned");
        self.object.acquire();
    }

    fn key(&self) -> usize {
        &raw const self.done as usize
    }

    pub(crate) fn run(
        &self,
        place: Place,
        on_poison: OnPoison,
        after_panic: AfterPanic,
        f: impl FnOnce(bool),
    ) {
        if !self.is_done() {
            self.run_slow(place, on_poison, after_panic, f);
        }
    }

    #[cold]
    fn run_slow(&self, place: Place, on_poison: OnPoison, after_panic: AfterPanic, f: impl FnOnce(bool)) {
        let me = std::thread::current().id();
        let shown = crate::rt::my_info().map_or(0, |info| info.id);
        // `Some(Some(..))`: to be run here; `Some(None)`: done by somebody else.
        let attempt = || {
            let mut progress = lock(&self.progress);
            let poisoned = match *progress {
                Progress::Done => return Some(None),
                Progress::Poisoned if on_poison == OnPoison::Ignore => return Some(None),
                Progress::Running { .. } => return None,
                Progress::New => false,
                Progress::Poisoned => true,
            };
            if !(poisoned && on_poison == OnPoison::Panic) {
                *progress = Progress::Running { thread: me, shown, place };
            }
            Some(Some(poisoned))
        };
        let turn = attempt().unwrap_or_else(|| {
            let mut by = 0;
            if let Progress::Running { thread, shown, place: first } = *lock(&self.progress) {
                by = shown;
                if thread == me {
                    misuse::fail(
                        Misuse::new(
                            Kind::RecursiveOnce,
                            "deadlock: Once is called by the function that it runs",
                        )
                        .here("Once is called again", place)
                        .earlier("Called first", Some(first)),
                    );
                }
            }
            let waiting = Waiting { what: "Once call", place, on: On::Thread(by) };
            parking::wait_for(&[self.key()], waiting, attempt)
        });
        let Some(poisoned) = turn else {
            self.object.acquire();
            return;
        };
        assert!(!(poisoned && on_poison == OnPoison::Panic), "Once instance has previously been poisoned");
        let mut end = End { once: self, then: after_panic };
        f(poisoned);
        end.done();
    }
}

/// Ends a call, also if it panics.
struct End<'a> {
    once: &'a RunOnce,
    then: AfterPanic,
}

impl End<'_> {
    fn done(&mut self) {
        self.once.object.release();
        *lock(&self.once.progress) = Progress::Done;
        self.once.done.store(true, Ordering::Release);
    }
}

impl Drop for End<'_> {
    fn drop(&mut self) {
        {
            let mut progress = lock(&self.once.progress);
            if matches!(*progress, Progress::Running { .. }) {
                self.once.object.release();
                *progress = match self.then {
                    AfterPanic::Poisoned => Progress::Poisoned,
                    AfterPanic::New => Progress::New,
                };
            }
        }
        parking::wake_all(self.once.key());
    }
}
