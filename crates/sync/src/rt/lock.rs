//! What all locks have in common: their edges, who holds them, and the order in which they are taken.
//!
//! # Lock order
//! Whenever a thread takes lock `b` by a blocking call while it holds `a`, the pair is an edge of a graph
//! over locks. A cycle of edges is a deadlock that some schedule can reach, if the edges come from
//! different threads, if no lock held at all of them keeps them apart (a *gate*), and if at each lock of the
//! cycle one of the two sides is exclusive. (Havelund, *Using runtime analysis to guide model checking of
//! Java programs*, SPIN 2000, for the graph and the gates.)

use std::collections::{HashMap, HashSet};
use std::panic::Location;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use racecheck_engine::Channel;

use super::misuse::{self, Kind, Misuse};
use super::parking::{self, On, Waiting};
use super::place::{self, Place};
use super::{Object, active, advice, enter, lock};

/// Whether others may hold the lock at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Hold {
    Exclusive,
    Shared,
}

/// How a lock was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Blocking,
    Trying,
}

/// Whether a lock can be held by several at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    None,
    Readers,
}

/// Who can give a lock back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Its guard, and so the thread that took it.
    Guard,
    /// Whoever calls unlock: that the holder waits does not mean that the lock stays locked.
    Anybody,
}

/// A lock that a thread holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    /// Its virtual address.
    pub lock: u64,
    pub kind: &'static str,
    pub place: Place,
    /// Where the lock was made.
    pub made: Place,
    pub hold: Hold,
    pub owner: Owner,
    /// When it was taken; only where advice is wanted.
    pub since: Option<advice::Start>,
}

/// What a lock is, apart from locking.
#[derive(Debug)]
pub(crate) struct Meta {
    object: Object,
    pub made: Place,
    pub kind: &'static str,
    pub sharing: Sharing,
    /// The type of what it guards.
    pub value: Option<fn() -> &'static str>,
    ordered: AtomicBool,
}

impl Meta {
    #[track_caller]
    pub(crate) const fn new(kind: &'static str, sharing: Sharing) -> Self {
        let ordered = AtomicBool::new(false);
        Meta { object: Object::new(), made: Location::caller(), kind, sharing, value: None, ordered }
    }

    /// As [`Meta::new`], for a lock around a `T`.
    #[track_caller]
    pub(crate) const fn of<T: ?Sized>(kind: &'static str, sharing: Sharing) -> Self {
        let ordered = AtomicBool::new(false);
        let value: Option<fn() -> &'static str> = Some(std::any::type_name::<T>);
        Meta { object: Object::new(), made: Location::caller(), kind, sharing, value, ordered }
    }

    /// The lock's name for the wait graph.
    pub(crate) fn id(&self) -> u64 {
        self.object.address().unwrap_or(0)
    }

    /// The current thread has the lock now.
    #[inline]
    pub(crate) fn acquired(&self, hold: Hold, by: By, owner: Owner, place: Place) {
        let Some(mut e) = enter() else { return };
        let Some(address) = self.object.address() else { return };
        let inner = &mut *e;
        inner.acquire(&self.object, Channel::OWNER);
        if hold == Hold::Exclusive && self.sharing == Sharing::Readers {
            inner.acquire(&self.object, Channel::READERS);
        }
        let since = advice::wanted().then(advice::Start::now);
        let me = Held { lock: address, kind: self.kind, place, made: self.made, hold, owner, since };
        let mut news = Vec::new();
        if by == By::Blocking && !inner.held.is_empty() {
            news = inner.order.news(&inner.held, me.lock);
            self.ordered.store(true, Ordering::Relaxed);
        }
        let id = inner.info.id;
        let held = if news.is_empty() { Vec::new() } else { inner.held.clone() };
        inner.held.push(me);
        drop(e);
        if since.is_some() {
            advice::acquired(self, hold);
        }
        for from in news {
            add_edge(id, &from, &me, &held);
        }
    }

    /// The current thread is about to give the lock back, whoever took it.
    #[inline]
    pub(crate) fn releasing(&self, hold: Hold) {
        let Some(mut e) = enter() else { return };
        let Some(address) = self.object.address() else { return };
        let inner = &mut *e;
        let at = inner.held.iter().rposition(|h| h.lock == address && h.hold == hold);
        let held = at.map(|at| inner.held.remove(at));
        match hold {
            Hold::Exclusive => inner.release_owner(&self.object, self.sharing),
            Hold::Shared => inner.release(&self.object, Channel::READERS),
        }
        drop(e);
        let held = held.or_else(|| taken_from_another(address, hold));
        if let Some(held) = held
            && held.since.is_some()
        {
            advice::released(self, &held);
        }
    }

    /// Where the current thread took the lock that only it can give back.
    fn held_since(&self) -> Option<(Place, Hold)> {
        let e = enter()?;
        let address = self.object.known_address()?;
        e.held.iter().find(|h| h.lock == address && h.owner == Owner::Guard).map(|h| (h.place, h.hold))
    }

    /// Waits until `ready` gives something: the slow half of a blocking lock. `key` is woken at each unlock.
    #[cold]
    pub(crate) fn wait<R>(
        &self,
        key: usize,
        what: &'static str,
        hold: Hold,
        place: Place,
        ready: impl FnMut() -> Option<R>,
    ) -> R {
        if active() {
            self.check_recursion(hold, place);
            advice::contended(self);
        }
        let waiting = Waiting { what, place, on: On::Lock(self.id()) };
        parking::wait_for(&[key], waiting, ready)
    }

    fn check_recursion(&self, wanted: Hold, place: Place) {
        let Some((since, held)) = self.held_since() else { return };
        let (kind, message) = match (held, wanted) {
            (Hold::Shared, Hold::Exclusive) => {
                (Kind::Upgrade, "deadlock: a write lock is wanted by the thread that holds a read lock of it")
            }
            // Waits for a writer, who waits for the read lock that is held: the wait graph sees it.
            (Hold::Shared, Hold::Shared) => return,
            (Hold::Exclusive, _) => {
                (Kind::RecursiveLock, "deadlock: recursive lock by the thread that holds it")
            }
        };
        let misuse = Misuse::new(kind, message)
            .here(&format!("{} is locked again", self.kind), place)
            .earlier("Locked before", Some(since));
        misuse::fail(misuse)
    }
}

impl Drop for Meta {
    fn drop(&mut self) {
        if let Some(address) = self.object.known_address() {
            // Locks that are locked by calls have no guard that could be forgotten.
            if self.value.is_some() {
                self.check_not_held(address);
            }
            if *self.ordered.get_mut() || FROM.load(Ordering::Relaxed) != 0 {
                forget(address);
            }
        }
    }
}

impl Meta {
    /// A lock that nobody can reach any more is held if its guard was forgotten.
    fn check_not_held(&self, address: u64) {
        let mine = enter().and_then(|mut e| {
            let at = e.held.iter().position(|h| h.lock == address)?;
            Some(e.held.remove(at))
        });
        if let Some(held) = mine {
            let misuse = Misuse::new(Kind::DroppedLocked, "a lock was dropped while it was locked")
                .earlier(&format!("{} was locked", self.kind), Some(held.place))
                .earlier("The lock was made", Some(self.made));
            misuse::note(misuse);
        }
    }
}

/// A lock of Go's kind may be given back by another thread than the one that took it.
#[cold]
fn taken_from_another(address: u64, hold: Hold) -> Option<Held> {
    super::states().iter().find_map(|state| {
        state.peek(|inner| {
            let at = inner.held.iter().rposition(|h| h.lock == address && h.hold == hold)?;
            Some(inner.held.remove(at))
        })
    })
}

/// Which edges a thread knows to be in the graph.
#[derive(Debug, Default)]
pub(crate) struct Known {
    edges: HashSet<(u64, u64)>,
    generation: u64,
}

impl Known {
    /// Those of `held` from which an edge to `to` is new.
    fn news(&mut self, held: &[Held], to: u64) -> Vec<Held> {
        let generation = GENERATION.load(Ordering::Relaxed);
        if self.generation != generation {
            self.edges.clear();
            self.generation = generation;
        }
        held.iter().filter(|h| h.lock != to && self.edges.insert((h.lock, to))).copied().collect()
    }
}

/// Changes when a lock goes whose number may come back.
static GENERATION: AtomicU64 = AtomicU64::new(0);
/// How many locks have edges that go out from them.
static FROM: AtomicU64 = AtomicU64::new(0);

#[derive(Clone, Debug)]
struct Edge {
    to: u64,
    thread: u32,
    from: Held,
    then: Held,
    gates: Vec<u64>,
}

static GRAPH: Mutex<Option<HashMap<u64, Vec<Edge>>>> = Mutex::new(None);

/// Longer cycles are not looked for.
const LONGEST_CYCLE: usize = 6;
/// So many witnesses (threads with their gates) are kept for a pair of locks.
const WITNESSES: usize = 4;

fn forget(address: u64) {
    let mut graph = lock(&GRAPH);
    let Some(graph) = graph.as_mut() else { return };
    graph.remove(&address);
    for edges in graph.values_mut() {
        edges.retain(|e| e.to != address);
    }
    graph.retain(|_, edges| !edges.is_empty());
    FROM.store(graph.len() as u64, Ordering::Relaxed);
    GENERATION.fetch_add(1, Ordering::Relaxed);
}

#[cold]
fn add_edge(thread: u32, from: &Held, then: &Held, held: &[Held]) {
    let gates = held.iter().map(|h| h.lock).filter(|l| *l != from.lock).collect();
    let edge = Edge { to: then.lock, thread, from: *from, then: *then, gates };
    let cycle = {
        let mut graph = lock(&GRAPH);
        let graph = graph.get_or_insert_default();
        let edges = graph.entry(from.lock).or_default();
        let same = edges.iter().filter(|e| e.to == edge.to);
        if same.clone().count() >= WITNESSES
            || same.clone().any(|e| e.thread == thread && e.gates == edge.gates)
        {
            return;
        }
        edges.push(edge.clone());
        FROM.store(graph.len() as u64, Ordering::Relaxed);
        let mut path = vec![edge];
        closes(graph, &mut path).then_some(path)
    };
    if let Some(cycle) = cycle {
        report(&cycle);
    }
}

/// Extends the path to a cycle that a schedule could run into.
fn closes(graph: &HashMap<u64, Vec<Edge>>, path: &mut Vec<Edge>) -> bool {
    let (Some(first), Some(last)) = (path.first().cloned(), path.last().cloned()) else { return false };
    if path.len() > 1 && last.to == first.from.lock {
        return conflict(&last, &first);
    }
    if path.len() >= LONGEST_CYCLE {
        return false;
    }
    for next in graph.get(&last.to).into_iter().flatten() {
        let apart = path.iter().all(|e| {
            e.thread != next.thread
                && !e.gates.iter().any(|g| next.gates.contains(g))
                && (e.from.lock != next.to || e.from.lock == first.from.lock)
        });
        if apart && conflict(&last, next) {
            path.push(next.clone());
            if closes(graph, path) {
                return true;
            }
            path.pop();
        }
    }
    false
}

/// True if whoever wants the lock between the two edges can be kept waiting by whoever holds it.
fn conflict(wants: &Edge, holds: &Edge) -> bool {
    wants.then.hold == Hold::Exclusive || holds.from.hold == Hold::Exclusive
}

fn report(cycle: &[Edge]) {
    let mut misuse = Misuse::new(Kind::LockOrder, "lock order inversion (potential deadlock)");
    for edge in cycle {
        let info = super::info(racecheck_engine::ThreadId(edge.thread));
        let name = info.as_deref().map_or("A thread".to_owned(), misuse::thread_name);
        let (from, then) = (number(cycle, edge.from.lock), number(cycle, edge.then.lock));
        misuse.add(format!("{name} locked {} {from}", edge.from.kind), place::at(edge.from.place));
        misuse.add(format!("  and then {} {then}", edge.then.kind), place::at(edge.then.place));
    }
    misuse::note(misuse);
}

/// Locks are numbered in a report as they come.
fn number(cycle: &[Edge], lock: u64) -> String {
    let at = cycle.iter().position(|e| e.from.lock == lock).unwrap_or(0);
    format!("L{}", at + 1)
}
