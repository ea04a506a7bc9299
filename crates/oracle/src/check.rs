//! Comparing a detector with the oracle.
//!
//! The measure is equality on each byte up to the first race on it. At an event that races on a byte on which
//! nothing was found before, the detector must report; at an event that races on no byte, it must not;
//! and at any event, each thing that it reports must be true: the earlier access touched that byte, by
//! that thread, in that way, conflicts, and is not ordered before.

use std::fmt;

use crate::oracle::{Conflict, Kind, Oracle, Verdict};
use crate::program::{Bytes, Event, Program};

/// One side of what a detector found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// Where it is said to have happened: a [`Program::place`].
    pub place: usize,
    /// The thread that is said to have done it.
    pub thread: Option<u32>,
    /// What it is said to have been.
    pub kind: Kind,
    /// The bytes that are said to have been touched.
    pub bytes: Bytes,
}

/// What a detector found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The later access.
    pub current: Side,
    /// The earlier access.
    pub previous: Side,
    /// False if the two are ordered; `None` if that is not told.
    pub unordered: Option<bool>,
}

/// Something that executes a program's events one after the other and says what it finds.
pub trait Detector {
    /// Executes the next event, which happens at `place`.
    fn execute(&mut self, place: usize, event: &Event) -> Vec<Finding>;
}

/// Where a detector and the oracle part.
#[derive(Clone, Debug)]
pub struct Divergence {
    /// The event.
    pub event: usize,
    /// What is wrong.
    pub wrong: Wrong,
    /// What the oracle said.
    pub expected: Verdict,
    /// What the detector said.
    pub found: Vec<Finding>,
}

/// How a detector can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// A race was not reported.
    Missed,
    /// Something was reported of an event that is in order.
    Invented,
    /// A report names something that is no conflicting earlier access.
    Untrue,
}

impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "event {}: {:?}", self.event, self.wrong)?;
        writeln!(f, "  oracle:")?;
        let mut conflicts = self.expected.conflicts.clone();
        conflicts.sort_by_key(|c| (c.event, c.byte));
        // Bytes of which the same is to be said stand in one line.
        let same = |a: &Conflict, b: &Conflict| Conflict { byte: a.byte, ..*b } == *a;
        for run in conflicts.chunk_by(same) {
            let (c, bytes) = (run[0], run.iter().map(|c| c.byte).collect::<Vec<_>>());
            let due = if c.first { "due" } else { "allowed" };
            writeln!(
                f,
                "    {due}: event {} ({:?}) on {bytes:?}, unordered: {}",
                c.event, c.kind, c.unordered
            )?;
        }
        writeln!(f, "  detector:")?;
        self.found.iter().try_for_each(|x| writeln!(f, "    {x:?}"))
    }
}

/// Counts of what a checked program held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events at which a report was due (and came).
    pub races: u64,
    /// Accesses of bytes that were in order (and silent).
    pub ordered: u64,
}

/// Runs `program` through `detector` and the oracle.
pub fn check(program: &Program, detector: &mut impl Detector) -> Result<Tally, Box<Divergence>> {
    check_forgetful(program, detector, |_, _| true)
}

/// As [`check`], for a detector that gives up history: a report is due only if some conflict is remembered, at the
/// event of this number. What is reported must be true all the same.
pub fn check_forgetful(
    program: &Program,
    detector: &mut impl Detector,
    remembers: impl Fn(usize, &Conflict) -> bool,
) -> Result<Tally, Box<Divergence>> {
    let mut oracle = Oracle::new();
    let mut tally = Tally::default();
    for (index, &event) in program.events.iter().enumerate() {
        let expected = oracle.happen(event);
        let found = detector.execute(program.place(index), &event);
        let is_due = expected.conflicts.iter().any(|c| c.first && remembers(index, c));
        let wrong = if is_due && found.is_empty() {
            Some(Wrong::Missed)
        } else if expected.must_be_silent() && !found.is_empty() {
            Some(Wrong::Invented)
        } else if !found.iter().all(|x| is_true(x, program, index, &expected)) {
            Some(Wrong::Untrue)
        } else {
            None
        };
        if let Some(wrong) = wrong {
            return Err(Box::new(Divergence { event: index, wrong, expected, found }));
        }
        tally.races += u64::from(is_due);
        tally.ordered += u64::from(expected.must_be_silent() && event.op.touches().is_some());
    }
    Ok(tally)
}

fn is_true(x: &Finding, program: &Program, index: usize, expected: &Verdict) -> bool {
    let event = &program.events[index];
    let current = x.current.place == program.place(index)
        && x.current.thread == Some(event.thread)
        && Some(x.current.kind) == Kind::of(event.op)
        && Some(x.current.bytes) == event.op.touches();
    // Each byte in question must have been touched like that. (Where a place comes again, by one of its
    // accesses.)
    let is_meant = |byte: u64| {
        expected.conflicts.iter().any(|c| {
            c.byte == byte
                && program.place(c.event) == x.previous.place
                && Some(program.events[c.event].thread) == x.previous.thread
                && c.kind == x.previous.kind
                && x.unordered.is_none_or(|unordered| c.unordered == unordered)
        })
    };
    current && x.previous.bytes.size > 0 && x.previous.bytes.range().all(is_meant)
}
