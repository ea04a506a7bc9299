//! Uses of a primitive that are wrong although no memory is raced for, in Go's words where Go has them.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use racecheck_report::model::{
    Access, Call, Finding, FindingKind, Frame, MAIN_THREAD, Op, SCHEMA_VERSION, Stack, Thread,
};
use racecheck_report::text::write_finding;

use super::place::Place;
use super::report::{self, Group};
use super::{Info, enter, place};

/// What was done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `done` was called more often than `add` counted.
    NegativeCounter,
    /// `add` from zero while somebody waits, or a group that is used again before `wait` returned.
    WaitGroupReuse,
    /// `add` inside of the thread that is to be counted instead of before it is made.
    AddInThread,
    /// An unlock of what is not locked.
    UnlockOfUnlocked,
    /// A lock that its own thread holds already.
    RecursiveLock,
    /// A write lock wanted by a thread that holds a read lock of the same.
    Upgrade,
    /// A `Once` that calls itself.
    RecursiveOnce,
    /// A send on a closed channel.
    SendOnClosed,
    /// A close of a closed channel.
    CloseOfClosed,
    /// A close of a nil channel.
    CloseOfNil,
    /// Locks that were taken in different orders.
    LockOrder,
    /// Threads that wait for each other.
    Deadlock,
    /// Nobody can go on.
    AllAsleep,
    /// A lock that was dropped while it was locked: its guard was forgotten.
    DroppedLocked,
    /// A value of another type than the first.
    InconsistentType,
    /// A semaphore that was released more than it was held.
    SemaphoreOverRelease,
}

impl Kind {
    /// Its name for programs, as findings have it.
    pub const fn rule(self) -> &'static str {
        match self {
            Kind::NegativeCounter => "negative-counter",
            Kind::WaitGroupReuse => "wait-group-reuse",
            Kind::AddInThread => "add-in-thread",
            Kind::UnlockOfUnlocked => "unlock-of-unlocked",
            Kind::RecursiveLock => "recursive-lock",
            Kind::Upgrade => "upgrade",
            Kind::RecursiveOnce => "recursive-once",
            Kind::SendOnClosed => "send-on-closed",
            Kind::CloseOfClosed => "close-of-closed",
            Kind::CloseOfNil => "close-of-nil",
            Kind::LockOrder => "lock-order",
            Kind::Deadlock => "deadlock",
            Kind::AllAsleep => "all-asleep",
            Kind::DroppedLocked => "dropped-locked",
            Kind::InconsistentType => "inconsistent-type",
            Kind::SemaphoreOverRelease => "semaphore-over-release",
        }
    }

    /// Whether the program can't go on after it.
    pub const fn is_fatal(self) -> bool {
        !matches!(self, Kind::LockOrder | Kind::AddInThread | Kind::DroppedLocked)
    }
}

/// One misuse, with every place that has to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misuse {
    kind: Kind,
    message: String,
    calls: Vec<Call>,
    /// Whose call it was at which it was seen.
    by: Option<Thread>,
    test: Option<String>,
}

impl Misuse {
    pub(crate) fn new(kind: Kind, message: &str) -> Self {
        Misuse { kind, message: message.to_owned(), calls: Vec::new(), by: None, test: None }
    }

    pub(crate) fn add(&mut self, heading: impl Into<String>, stack: Stack) {
        self.calls.push(Call { heading: heading.into(), stack });
    }

    /// With the place where the current thread is now.
    pub(crate) fn here(mut self, heading: &str, place: Place) -> Self {
        let stack = match enter() {
            Some(mut e) => {
                let ctx = e.context_of_origin(place);
                let keys = e.engine.contexts.stack(ctx);
                drop(e);
                place::resolve(&keys)
            }
            None => place::at(place),
        };
        self.add(heading, stack);
        self
    }

    /// With an earlier place, if it is known.
    pub(crate) fn earlier(mut self, heading: &str, place: Option<Place>) -> Self {
        if let Some(place) = place {
            self.add(heading, place::at(place));
        }
        self
    }

    /// What was done wrong.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// In Go's words, where Go has them.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// All that is known of it, in the form that racecheck's tools share.
    pub fn finding(&self) -> Finding {
        let thread = self.by.as_ref().map_or(MAIN_THREAD, |by| by.id);
        let access = |call: Option<&Call>| Access {
            op: Op::Call,
            address: 0,
            size: 0,
            thread,
            stack: call.map_or_else(Stack::lost, |call| call.stack.clone()),
        };
        Finding {
            schema: SCHEMA_VERSION,
            pid: std::process::id(),
            program: report::program(),
            kind: FindingKind::Misuse,
            access: access(self.calls.first()),
            previous: access(self.calls.get(1).or(self.calls.first())),
            location: None,
            threads: self.by.iter().cloned().collect(),
            test: self.test.clone(),
            misuse: Some(racecheck_report::model::Misuse {
                rule: self.kind.rule().to_owned(),
                message: self.message.clone(),
                fatal: self.kind.is_fatal(),
                calls: self.calls.clone(),
            }),
            order: None,
            found: None,
        }
    }

    /// All places, with what was done there, as `file:line`.
    pub fn places(&self) -> impl Iterator<Item = (&str, String)> {
        self.calls.iter().filter_map(|call| {
            call.stack.frames.first().map(|frame| (call.heading.as_str(), place_text(frame)))
        })
    }

    /// One line for a panic.
    pub(crate) fn panic_text(&self) -> String {
        let mut text = self.message.clone();
        for (heading, place) in self.places() {
            // Writing to a string cannot fail.
            let _ = write!(text, "; {} at {place}", heading.trim());
        }
        text
    }

    pub(crate) fn key(&self) -> (Kind, Vec<String>) {
        // Which side came first is chance.
        let mut places: Vec<String> = self.places().map(|(_, place)| place).collect();
        places.sort_unstable();
        (self.kind, places)
    }
}

fn place_text(frame: &Frame) -> String {
    let file = frame.file.as_deref().unwrap_or("?");
    let file = file.strip_prefix(place::workspace_root()).unwrap_or(file);
    format!("{file}:{}:{}", frame.line, frame.column)
}

/// The whole report in Go's form, from rule to rule.
impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_finding(f, &self.finding(), &report::text_options())
    }
}

/// A thread's name in a heading.
pub(crate) fn thread_name(info: &Info) -> String {
    match &info.name {
        _ if info.id == 0 => "Main thread".to_owned(),
        Some(name) => format!("Thread {} {name:?}", info.id),
        None => format!("Thread {}", info.id),
    }
}

/// Hands a misuse to whoever collects it, and goes on.
pub(crate) fn note(misuse: Misuse) {
    match super::my_info() {
        Some(info) => record(misuse.by(&info), info.group.as_ref()),
        None => record(misuse, None),
    }
}

pub(crate) fn record(misuse: Misuse, group: Option<&Arc<Group>>) {
    report::misuse(misuse, group);
}

/// Hands on a misuse after which the program cannot go on, and panics.
pub(crate) fn fail(misuse: Misuse) -> ! {
    let text = misuse.panic_text();
    note(misuse);
    panic!("{text}")
}

impl Misuse {
    /// Seen at a call of this thread.
    fn by(mut self, info: &Info) -> Self {
        self.test = info.test.as_deref().map(str::to_owned);
        self.by = Some(report::thread(info));
        self
    }
}
