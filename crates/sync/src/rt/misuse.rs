//! Uses of a primitive that are wrong although no memory is raced for, in Go's words where Go has them.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use racecheck_report::model::{Frame, Stack};

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

/// One misuse, with every place that has to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misuse {
    kind: Kind,
    message: String,
    sides: Vec<(String, Stack)>,
    test: Option<String>,
}

impl Misuse {
    pub(crate) fn new(kind: Kind, message: &str) -> Self {
        Misuse { kind, message: message.to_owned(), sides: Vec::new(), test: None }
    }

    pub(crate) fn add(&mut self, heading: impl Into<String>, stack: Stack) {
        self.sides.push((heading.into(), stack));
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
        self.sides.push((heading.to_owned(), stack));
        self
    }

    /// With an earlier place, if it is known.
    pub(crate) fn earlier(mut self, heading: &str, place: Option<Place>) -> Self {
        if let Some(place) = place {
            self.sides.push((heading.to_owned(), place::at(place)));
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

    /// All places, with what was done there, as `file:line`.
    pub fn places(&self) -> impl Iterator<Item = (&str, String)> {
        self.sides.iter().filter_map(|(heading, stack)| {
            stack.frames.first().map(|frame| (heading.as_str(), place_text(frame)))
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

/// The whole report, from rule to rule.
impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use racecheck_report::fold::{Purpose, fold};
        use racecheck_report::text::RULE;

        writeln!(f, "{RULE}")?;
        let severity = match self.kind {
            Kind::LockOrder | Kind::AddInThread | Kind::DroppedLocked => "WARNING",
            _ => "fatal error",
        };
        writeln!(f, "{severity}: {}", self.message)?;
        if let Some(test) = &self.test {
            writeln!(f, "Test: {}", test.escape_debug())?;
        }
        for (at, (heading, stack)) in self.sides.iter().enumerate() {
            let gap = if at == 0 || heading.starts_with(' ') { "" } else { "\n" };
            writeln!(f, "{gap}{heading} at:")?;
            for frame in fold(&stack.frames, Purpose::Origin) {
                match &frame.function {
                    Some(name) => writeln!(f, "  {}()\n      {}", name.escape_debug(), place_text(frame))?,
                    None => writeln!(f, "      {}", place_text(frame))?,
                }
            }
        }
        writeln!(f, "{RULE}")
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
    let info = super::my_info();
    record(misuse.of_test(info.as_deref()), info.as_ref().and_then(|info| info.group.as_ref()));
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
    fn of_test(mut self, info: Option<&Info>) -> Self {
        self.test = info.and_then(|info| info.test.as_deref()).map(str::to_owned);
        self
    }
}
