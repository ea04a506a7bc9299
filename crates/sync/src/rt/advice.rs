//! Which tool when: what each lock is used for, and what would fit better.
//!
//! Counts for each place where locks were made (a vector of mutexes is one entry). Off by default; on by
//! `RACECHECK_OPTIONS=advise=1` or [`start`].

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::lock::{Held, Hold, Meta, Sharing};
use super::os::Activity;
use super::place::Place;
use super::{lock, report};

/// A read share from which a reader-writer lock usually pays.
pub const READ_SHARE_FOR_RWLOCK: f64 = 0.9;
/// Fewer acquisitions than this say nothing.
pub const FEWEST_ACQUISITIONS: u64 = 16;
/// A lock that is held this long on average is held over something slow.
pub const LONG_HOLD: Duration = Duration::from_millis(1);

const UNKNOWN: u8 = 0;
const OFF: u8 = 1;
const ON: u8 = 2;
static WANTED: AtomicU8 = AtomicU8::new(UNKNOWN);
static TABLE: Mutex<Option<HashMap<usize, Usage>>> = Mutex::new(None);

/// Begins to count.
pub fn start() {
    WANTED.store(ON, Ordering::Relaxed);
}

#[inline]
pub(crate) fn wanted() -> bool {
    match WANTED.load(Ordering::Relaxed) {
        OFF => false,
        ON => true,
        _ => ask(),
    }
}

#[cold]
fn ask() -> bool {
    let on = report::options().advise;
    WANTED.store(if on { ON } else { OFF }, Ordering::Relaxed);
    if on {
        super::os::at_end(|| {
            let advice = collect();
            report::write_text(report::options().log_target(), &advice.to_string());
        });
    }
    on
}

thread_local! {
    /// How often this thread waited in a way that is known here: such a wait needs no guess.
    static EXPLAINED: Cell<u64> = const { Cell::new(0) };
}

/// The begin of a hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    time: Instant,
    activity: Option<Activity>,
    explained: u64,
}

impl Start {
    pub(crate) fn now() -> Self {
        // The question first: it takes longer than many a hold.
        let activity = super::os::activity();
        Start { time: Instant::now(), activity, explained: EXPLAINED.get() }
    }

    /// What the thread did since then that is slow and that the shim did not see itself.
    fn unexplained(&self) -> Option<&'static str> {
        let (before, now) = (self.activity?, super::os::activity()?);
        if now.transfers > before.transfers {
            Some("input or output")
        } else if now.waits > before.waits && EXPLAINED.get() == self.explained {
            Some("a call that waits in the system")
        } else {
            None
        }
    }
}

/// How the locks that were made at one place are used.
#[derive(Clone, Debug)]
pub struct Usage {
    kind: &'static str,
    sharing: Sharing,
    made: Place,
    value: Option<&'static str>,
    reads: u64,
    writes: u64,
    contended: u64,
    held: Duration,
    longest: Duration,
    slow: BTreeMap<&'static str, u64>,
}

impl Usage {
    /// Where it was made, as `file:line:column`.
    pub fn place(&self) -> String {
        place_text(self.made)
    }

    /// How often it was taken.
    pub fn acquisitions(&self) -> u64 {
        self.reads + self.writes
    }

    /// How often somebody had to wait for it.
    pub fn contended(&self) -> u64 {
        self.contended
    }

    /// The share of acquisitions for reading.
    pub fn read_share(&self) -> f64 {
        self.reads as f64 / self.acquisitions().max(1) as f64
    }

    /// How long it is held on average.
    pub fn mean_hold(&self) -> Duration {
        self.held / u32::try_from(self.acquisitions().max(1)).unwrap_or(u32::MAX)
    }

    /// What would fit better, in sentences.
    pub fn hints(&self) -> Vec<String> {
        let mut hints = Vec::new();
        if self.acquisitions() >= FEWEST_ACQUISITIONS {
            let percent = self.read_share() * 100.0;
            if self.sharing == Sharing::Readers {
                if self.read_share() < READ_SHARE_FOR_RWLOCK {
                    hints.push(format!(
                        "{percent:.0} % of its acquisitions are reads: below {:.0} % a Mutex is simpler and \
                         usually faster",
                        READ_SHARE_FOR_RWLOCK * 100.0
                    ));
                }
            } else if self.value.is_some_and(is_number) {
                hints.push(format!(
                    "it guards a single {}: an atomic needs no lock",
                    self.value.unwrap_or_default()
                ));
            }
            if self.mean_hold() >= LONG_HOLD {
                hints.push(format!(
                    "it is held for {:.1?} on average: look for input, output or waiting under the lock",
                    self.mean_hold()
                ));
            }
        }
        for (what, count) in &self.slow {
            hints.push(format!("it was held over {what} ({count} times)"));
        }
        hints
    }

    fn to_json(&self) -> Value {
        json!({
            "kind": self.kind,
            "made": place_text(self.made),
            "value": self.value,
            "acquisitions": self.acquisitions(),
            "reads": self.reads,
            "contended": self.contended,
            "mean_hold_ns": u64::try_from(self.mean_hold().as_nanos()).unwrap_or(u64::MAX),
            "longest_hold_ns": u64::try_from(self.longest.as_nanos()).unwrap_or(u64::MAX),
            "hints": self.hints(),
        })
    }
}

fn place_text(place: Place) -> String {
    format!("{}:{}:{}", place.file(), place.line(), place.column())
}

fn is_number(name: &str) -> bool {
    const NAMES: [&str; 11] =
        ["u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "isize", "bool"];
    NAMES.contains(&name)
}

/// The use of all locks, busiest first.
#[derive(Clone, Debug)]
pub struct Advice {
    /// One entry for each place where locks were made.
    pub locks: Vec<Usage>,
}

impl Advice {
    /// As one JSON value.
    pub fn to_json(&self) -> String {
        json!({ "locks": self.locks.iter().map(Usage::to_json).collect::<Vec<_>>() }).to_string()
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Locks, the busiest first:")?;
        for lock in &self.locks {
            writeln!(
                f,
                "  {} made at {}\n      {} acquisitions, {:.0} % reads, {} contended, held {:.1?} on average, {:.1?} at most",
                lock.kind,
                place_text(lock.made),
                lock.acquisitions(),
                lock.read_share() * 100.0,
                lock.contended,
                lock.mean_hold(),
                lock.longest,
            )?;
            for hint in lock.hints() {
                writeln!(f, "      advice: {hint}")?;
            }
        }
        Ok(())
    }
}

/// What was counted so far.
pub fn collect() -> Advice {
    let mut locks: Vec<Usage> = lock(&TABLE).iter().flat_map(|t| t.values().cloned()).collect();
    locks.sort_by_key(|usage| std::cmp::Reverse((usage.acquisitions(), place_text(usage.made))));
    Advice { locks }
}

fn with_usage(kind: &'static str, made: Place, f: impl FnOnce(&mut Usage)) {
    let mut table = lock(&TABLE);
    let usage =
        table.get_or_insert_default().entry(std::ptr::from_ref(made) as usize).or_insert_with(|| Usage {
            kind,
            sharing: Sharing::None,
            made,
            value: None,
            reads: 0,
            writes: 0,
            contended: 0,
            held: Duration::ZERO,
            longest: Duration::ZERO,
            slow: BTreeMap::new(),
        });
    f(usage);
}

#[cold]
pub(crate) fn acquired(meta: &Meta, hold: Hold) {
    with_usage(meta.kind, meta.made, |usage| {
        usage.value = meta.value.map(|name| name());
        usage.sharing = meta.sharing;
        match hold {
            Hold::Shared => usage.reads += 1,
            Hold::Exclusive => usage.writes += 1,
        }
    });
}

#[cold]
pub(crate) fn released(meta: &Meta, held: &Held) {
    let Some(since) = held.since else { return };
    let time = since.time.elapsed();
    let slow = since.unexplained();
    with_usage(meta.kind, meta.made, |usage| {
        usage.held += time;
        usage.longest = usage.longest.max(time);
        if let Some(what) = slow {
            *usage.slow.entry(what).or_default() += 1;
        }
    });
}

#[cold]
pub(crate) fn contended(meta: &Meta) {
    if wanted() {
        with_usage(meta.kind, meta.made, |usage| usage.contended += 1);
        slow_under_locks("the wait for another lock");
    }
}

/// The current thread does something slow: counts for all locks that it holds.
pub(crate) fn slow_under_locks(what: &'static str) {
    if !wanted() {
        return;
    }
    EXPLAINED.set(EXPLAINED.get() + 1);
    let held: Vec<Held> = super::enter().map_or_else(Vec::new, |e| e.held.clone());
    for h in held {
        with_usage(h.kind, h.made, |usage| *usage.slow.entry(what).or_default() += 1);
    }
}
