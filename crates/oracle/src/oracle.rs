//! The judge: happens-before as a relation between events, and the races that follow from it.
//!
//! # Happens-before
//! The transitive closure of these edges (C++20's numbers; the order of the list is the order in which things
//! happen, and a load reads the latest store):
//!
//! * an event of a thread → the next one of it (sequenced before);
//! * a spawn → the first event of the new thread; the last event of a thread → its join;
//! * each earlier unlock of a mutex → its lock; each earlier unlock of a reader-writer lock → a write lock of
//!   it; each earlier write unlock → a read lock; each earlier post of a semaphore → a wait; each arrival of
//!   a barrier's round → each leaving of that round;
//! * synchronises-with of atomics \[intro.races\], \[atomics.order\], \[atomics.fences\]. The *heads* of a
//!   store are what an acquire load of its value synchronises with: the store itself if it is a release,
//!   otherwise the thread's last release fence before it; and, if it is a read-modify-write, the heads of
//!   what it read (the release sequence of C++20: a head, followed by read-modify-writes of any thread). An
//!   acquire load takes its edges at once, a relaxed one leaves them to the thread's later acquire fences;
//! * each earlier seq_cst fence → a seq_cst fence. This is a little more than the standard orders: such a
//!   fence counts as an acquire-release read-modify-write of one location.
//!
//! Sizes may be mixed: each byte remembers the store that wrote it last, a load reads from the stores of all
//! of its bytes, and a read-modify-write continues the release sequences of all stores that it read from. A
//! plain write is a store without heads. Freeing or resetting bytes makes them forget their store.
//!
//! # Races
//! Two accesses of a byte race if they are of different threads, unordered, at least one of them writes, and
//! not both are atomic. Allocation writes all of a block, and a free conflicts with it and with every access since. A
//! block's life begins with its allocation and ends with the free, and accesses belong to one life. An access to freed
//! bytes is a finding whether it is ordered or
//! not. The end of a thread ends its stack's bytes in the same way, but stays as their last write, in
//! granules that were touched: who is ordered after it may use them.

use std::collections::HashMap;

use crate::program::{AREA, Bytes, Event, Machine, Op, Order};

/// How an event touches bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Kind {
    Read,
    Write,
    AtomicRead,
    AtomicWrite,
    Alloc,
    Free,
    ThreadEnd,
}

impl Kind {
    /// How `op` touches its bytes; `None` if it touches none.
    pub fn of(op: Op) -> Option<Kind> {
        Some(match op {
            Op::Read(_) => Kind::Read,
            Op::Write(_) => Kind::Write,
            Op::Load(..) | Op::Refused(..) => Kind::AtomicRead,
            Op::Store(..) | Op::Rmw(..) | Op::Exchanged(..) => Kind::AtomicWrite,
            Op::Alloc(_) => Kind::Alloc,
            Op::Free(_) => Kind::Free,
            Op::Bury(_) => Kind::ThreadEnd,
            _ => return None,
        })
    }

    fn is_atomic(self) -> bool {
        matches!(self, Kind::AtomicRead | Kind::AtomicWrite)
    }

    fn only_reads(self) -> bool {
        matches!(self, Kind::Read | Kind::AtomicRead)
    }

    fn conflicts(self, other: Kind) -> bool {
        !(self.is_atomic() && other.is_atomic() || self.only_reads() && other.only_reads())
    }
}

/// A set of events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct EventSet(Vec<u64>);

impl EventSet {
    fn contains(&self, event: usize) -> bool {
        self.0.get(event / 64).is_some_and(|w| w >> (event % 64) & 1 != 0)
    }

    fn insert(&mut self, event: usize) {
        if event / 64 >= self.0.len() {
            self.0.resize(event / 64 + 1, 0);
        }
        self.0[event / 64] |= 1 << (event % 64);
    }

    fn add_all(&mut self, other: &EventSet) {
        if other.0.len() > self.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine |= theirs;
        }
    }
}

/// One earlier event that an access is in conflict with, on one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The byte.
    pub byte: u64,
    /// The earlier event.
    pub event: usize,
    /// How it touched the byte.
    pub kind: Kind,
    /// False for an access after a free that is ordered before it.
    pub unordered: bool,
    /// Nothing was found on this byte before.
    pub first: bool,
}

/// What is to be said of one event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// All that may be reported.
    pub conflicts: Vec<Conflict>,
}

impl Verdict {
    /// A report at this event is due.
    pub fn must_report(&self) -> bool {
        self.conflicts.iter().any(|c| c.first)
    }

    /// A report at this event would be false.
    pub fn must_be_silent(&self) -> bool {
        self.conflicts.is_empty()
    }

    /// True if nothing is wrong with this event.
    pub fn is_clean(&self) -> bool {
        self.conflicts.is_empty()
    }
}

#[derive(Clone, Debug, Default)]
enum Life {
    #[default]
    NoBlock,
    Allocated,
    Freed(usize),
}

#[derive(Clone, Debug, Default)]
struct Byte {
    life: Life,
    accesses: Vec<(usize, Kind)>,
    store: Option<usize>,
    found: bool,
}

#[derive(Clone, Debug, Default)]
struct ThreadState {
    last: Option<usize>,
    release_fence: Option<usize>,
    /// What acquire fences will synchronise with.
    pending: Vec<usize>,
}

#[derive(Clone, Debug, Default)]
struct Object {
    write_unlocks: Vec<usize>,
    read_unlocks: Vec<usize>,
    /// Arrivals at a barrier, with their rounds.
    arrivals: Vec<(u64, usize)>,
}

/// The judge of one program, event by event.
#[derive(Clone, Debug)]
pub struct Oracle {
    machine: Machine,
    events: Vec<Event>,
    /// For each event, all that happen before it.
    before: Vec<EventSet>,
    /// For each store, what an acquire load of it synchronises with.
    heads: HashMap<usize, Vec<usize>>,
    threads: HashMap<u32, ThreadState>,
    objects: HashMap<u64, Object>,
    fences: Vec<usize>,
    bytes: Vec<Byte>,
}

impl Oracle {
    /// A program of which nothing happened yet.
    pub fn new() -> Self {
        Oracle {
            machine: Machine::new(),
            events: Vec::new(),
            before: Vec::new(),
            heads: HashMap::new(),
            threads: HashMap::new(),
            objects: HashMap::new(),
            fences: Vec::new(),
            bytes: vec![Byte::default(); AREA as usize],
        }
    }

    /// Which events can come next.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// The events so far.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The verdict if `event` came next.
    pub fn judge(&self, event: &Event) -> Verdict {
        self.judge_after(event, &self.before(event))
    }

    fn judge_after(&self, event: &Event, before: &EventSet) -> Verdict {
        let Some((b, kind)) = event.op.touches().zip(Kind::of(event.op)) else { return Verdict::default() };
        let mut verdict = Verdict::default();
        for byte in b.range() {
            let state = &self.bytes[byte as usize];
            let first = !state.found;
            let mut add = |earlier: usize, kind, unordered| {
                verdict.conflicts.push(Conflict { byte, event: earlier, kind, unordered, first });
            };
            if kind == Kind::Alloc {
                continue;
            }
            if let Life::Freed(free) = state.life {
                add(free, Kind::Free, !before.contains(free));
                continue;
            }
            for &(earlier, earlier_kind) in &state.accesses {
                let other = self.events[earlier].thread != event.thread;
                if other && earlier_kind.conflicts(kind) && !before.contains(earlier) {
                    add(earlier, earlier_kind, true);
                }
            }
        }
        verdict
    }

    /// Lets `event` happen, and judges it.
    pub fn happen(&mut self, event: Event) -> Verdict {
        let before = self.before(&event);
        let verdict = self.judge_after(&event, &before);
        let me = self.events.len();
        for c in &verdict.conflicts {
            self.bytes[c.byte as usize].found = true;
        }
        self.synchronise(&event, me);
        self.touch(&event, me);
        if event.op != Op::Collect {
            self.threads.entry(event.thread).or_default().last = Some(me);
        }
        self.before.push(before);
        self.events.push(event);
        self.machine.apply(&event);
        verdict
    }

    /// All events that happen before `event`, if it comes next.
    fn before(&self, event: &Event) -> EventSet {
        let mut before = EventSet::default();
        for source in self.sources(event) {
            before.add_all(&self.before[source]);
            before.insert(source);
        }
        before
    }

    /// The events from which an edge leads to `event`, if it comes next.
    fn sources(&self, event: &Event) -> Vec<usize> {
        let mut from = Vec::new();
        let thread = self.threads.get(&event.thread);
        from.extend(thread.and_then(|t| t.last));
        let object = |at: u64| self.objects.get(&at).into_iter();
        match event.op {
            Op::Join(t) => from.extend(self.threads.get(&t).and_then(|t| t.last)),
            Op::Lock(o) | Op::ReadLock(o) | Op::Wait(o) => {
                from.extend(object(o).flat_map(|o| &o.write_unlocks));
            }
            Op::WriteLock(o) => {
                from.extend(object(o).flat_map(|o| o.write_unlocks.iter().chain(&o.read_unlocks)));
            }
            Op::Leave(o) => {
                let round = self.machine.round_of(o, event.thread);
                let mine = |&&(r, _): &&(u64, usize)| Some(r) == round;
                from.extend(object(o).flat_map(|o| o.arrivals.iter().filter(mine)).map(|&(_, e)| e));
            }
            Op::Fence(order) => {
                if order.acquires() {
                    from.extend(thread.into_iter().flat_map(|t| &t.pending));
                }
                if order == Order::SeqCst {
                    from.extend(&self.fences);
                }
            }
            _ => {}
        }
        if let Some((b, order)) = Self::atomic_read(event.op)
            && order.acquires()
        {
            from.extend(self.heads_of(b));
        }
        from
    }

    /// The bytes that `op` reads atomically, and with which order.
    fn atomic_read(op: Op) -> Option<(Bytes, Order)> {
        match op {
            Op::Load(b, order) | Op::Rmw(b, order) => Some((b, order)),
            Op::Exchanged(b, success, _) => Some((b, success)),
            Op::Refused(b, _, failure) => Some((b, failure)),
            _ => None,
        }
    }

    /// What an acquire load of the bytes would synchronise with.
    fn heads_of(&self, b: Bytes) -> Vec<usize> {
        let mut stores: Vec<usize> = b.range().filter_map(|byte| self.bytes[byte as usize].store).collect();
        stores.sort_unstable();
        stores.dedup();
        let mut heads: Vec<usize> =
            stores.iter().filter_map(|s| self.heads.get(s)).flatten().copied().collect();
        heads.sort_unstable();
        heads.dedup();
        heads
    }

    /// Notes what later events will synchronise with.
    fn synchronise(&mut self, event: &Event, me: usize) {
        match event.op {
            Op::Spawn(t) => self.threads.entry(t).or_default().last = Some(me),
            Op::Unlock(o) | Op::WriteUnlock(o) | Op::Post(o) => {
                self.objects.entry(o).or_default().write_unlocks.push(me);
            }
            Op::ReadUnlock(o) => self.objects.entry(o).or_default().read_unlocks.push(me),
            Op::Arrive(o) => {
                let round = self.machine.next_round(o);
                self.objects.entry(o).or_default().arrivals.push((round, me));
            }
            Op::Fence(order) => {
                let thread = self.threads.entry(event.thread).or_default();
                if order.releases() {
                    thread.release_fence = Some(me);
                }
                if order.acquires() {
                    thread.pending.clear();
                }
                if order == Order::SeqCst {
                    self.fences.push(me);
                }
            }
            _ => {}
        }
        if let Some((b, order)) = Self::atomic_read(event.op)
            && !order.acquires()
        {
            let heads = self.heads_of(b);
            self.threads.entry(event.thread).or_default().pending.extend(heads);
        }
        let (b, order, continues) = match event.op {
            Op::Store(b, order) => (b, order, false),
            Op::Rmw(b, order) | Op::Exchanged(b, order, _) => (b, order, true),
            Op::Write(b) => return self.store(b, me, Vec::new()),
            _ => return,
        };
        let mut heads = if continues { self.heads_of(b) } else { Vec::new() };
        if order.releases() {
            heads.push(me);
        } else {
            heads.extend(self.threads.get(&event.thread).and_then(|t| t.release_fence));
        }
        self.store(b, me, heads);
    }

    fn store(&mut self, b: Bytes, me: usize, heads: Vec<usize>) {
        self.heads.insert(me, heads);
        for byte in b.range() {
            self.bytes[byte as usize].store = Some(me);
        }
    }

    /// Notes the access itself.
    fn touch(&mut self, event: &Event, me: usize) {
        if let Op::Reset(b) = event.op {
            for byte in b.range() {
                let state = &mut self.bytes[byte as usize];
                state.accesses.clear();
                state.store = None;
            }
        }
        let Some((b, kind)) = event.op.touches().zip(Kind::of(event.op)) else { return };
        if kind == Kind::ThreadEnd {
            return self.bury(b, me);
        }
        let touch = (me, kind);
        for byte in b.range() {
            let state = &mut self.bytes[byte as usize];
            match kind {
                Kind::Alloc => {
                    state.life = Life::Allocated;
                    state.found = false;
                    state.accesses = vec![touch];
                }
                Kind::Free => {
                    state.life = Life::Freed(me);
                    state.accesses.clear();
                    state.store = None;
                }
                _ if matches!(state.life, Life::Freed(_)) => {}
                _ => state.accesses.push(touch),
            }
        }
    }

    fn bury(&mut self, b: Bytes, me: usize) {
        for granule in b.range().step_by(8) {
            let states = &mut self.bytes[granule as usize..granule as usize + 8];
            let touched = states.iter().any(|state| !state.accesses.is_empty());
            for state in states.iter_mut().filter(|_| touched) {
                state.accesses = vec![(me, Kind::ThreadEnd)];
                state.store = None;
            }
        }
    }
}

impl Default for Oracle {
    fn default() -> Self {
        Self::new()
    }
}
