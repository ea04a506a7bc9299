//! Programs: what threads do, in the order in which it happens.
//!
//! A program is a list of events; there is no scheduler and no value. An atomic load reads what the latest
//! store before it in the list wrote. [`Machine`] knows which event can come next (a free lock can be taken,
//! an ended thread can be joined), so that a list can be filtered to one that could really happen: that is
//! how programs are generated, and how they stay sensible while they shrink.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Addresses in a program are offsets below this.
pub const AREA: u64 = 512;

/// Here blocks are allocated; nobody touches these bytes before they were in a block.
pub const HEAP: std::ops::Range<u64> = 128..256;

/// Some bytes of the program's memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bytes {
    /// The first one.
    pub at: u64,
    /// How many.
    pub size: u64,
}

/// `size` bytes from `at` on.
pub const fn bytes(at: u64, size: u64) -> Bytes {
    Bytes { at, size }
}

impl Bytes {
    /// Their addresses.
    pub fn range(self) -> std::ops::Range<u64> {
        self.at..self.at + self.size
    }

    /// True if some byte is in both.
    pub fn meets(self, other: Bytes) -> bool {
        self.at < other.range().end && other.at < self.range().end
    }
}

/// As in source code, so that a printed program can be replayed.
impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "bytes({}, {})", self.at, self.size)
    }
}

/// Memory orders. Not each operation can have each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the standard's names")]
pub enum Order {
    Relaxed,
    Acquire,
    Release,
    AcqRel,
    SeqCst,
}

impl Order {
    /// True if an operation with this order acquires (if it reads).
    pub fn acquires(self) -> bool {
        matches!(self, Order::Acquire | Order::AcqRel | Order::SeqCst)
    }

    /// True if an operation with this order releases (if it writes).
    pub fn releases(self) -> bool {
        matches!(self, Order::Release | Order::AcqRel | Order::SeqCst)
    }
}

/// What a thread does. Locks, semaphores and barriers are named by an address, each kind by its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// A plain read.
    Read(Bytes),
    /// A plain write.
    Write(Bytes),
    /// An atomic load.
    Load(Bytes, Order),
    /// An atomic store.
    Store(Bytes, Order),
    /// An atomic read-modify-write.
    Rmw(Bytes, Order),
    /// A compare-exchange that stored.
    Exchanged(Bytes, Order, Order),
    /// A compare-exchange that did not: its orders for success and for failure.
    Refused(Bytes, Order, Order),
    /// A fence.
    Fence(Order),
    /// Takes a mutex.
    Lock(u64),
    /// Gives a mutex back.
    Unlock(u64),
    /// Takes a reader-writer lock as one of its readers.
    ReadLock(u64),
    /// ... and gives it back.
    ReadUnlock(u64),
    /// Takes a reader-writer lock as its only writer.
    WriteLock(u64),
    /// ... and gives it back.
    WriteUnlock(u64),
    /// Raises a semaphore.
    Post(u64),
    /// Lowers a semaphore that is above 0.
    Wait(u64),
    /// Comes to a barrier of [`Machine::BARRIER_WIDTH`] threads; the thread does nothing before it leaves.
    Arrive(u64),
    /// Leaves the barrier, after all of its round have come.
    Leave(u64),
    /// Starts a thread, which has the next number that is free or any other.
    Spawn(u32),
    /// Begins, without having been started by a thread of the program.
    Appear,
    /// Ends.
    Exit,
    /// Waits for the end of a thread.
    Join(u32),
    /// Says that nobody will join the thread.
    Detach(u32),
    /// Allocates a block of whole granules.
    Alloc(Bytes),
    /// Frees the block.
    Free(Bytes),
    /// The bytes' history is forgotten: they are new memory from the operating system. No object lies there.
    Reset(Bytes),
    /// The bytes were a stack, and end with their thread. No object lies there.
    Bury(Bytes),
    /// The detector may clean up: no event of the program.
    Collect,
}

impl Op {
    /// The lock, semaphore or barrier that it is about.
    pub fn object(self) -> Option<u64> {
        match self {
            Op::Lock(o) | Op::Unlock(o) | Op::Post(o) | Op::Wait(o) | Op::Arrive(o) | Op::Leave(o) => Some(o),
            Op::ReadLock(o) | Op::ReadUnlock(o) | Op::WriteLock(o) | Op::WriteUnlock(o) => Some(o),
            _ => None,
        }
    }

    /// The bytes that it reads or writes.
    pub fn touches(self) -> Option<Bytes> {
        match self {
            Op::Read(b) | Op::Write(b) | Op::Load(b, _) | Op::Store(b, _) | Op::Rmw(b, _) => Some(b),
            Op::Exchanged(b, _, _) | Op::Refused(b, _, _) | Op::Alloc(b) | Op::Free(b) | Op::Bury(b) => {
                Some(b)
            }
            _ => None,
        }
    }
}

/// Something that a thread does.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Event {
    /// The thread; 0 is the one that the program starts with.
    pub thread: u32,
    /// What it does.
    pub op: Op,
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "({}, {:?})", self.thread, self.op)
    }
}

/// What happens, in order.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Program {
    /// The events.
    pub events: Vec<Event>,
    /// In how many places of its source code all of that happens: see [`Program::place`].
    pub places: usize,
}

impl Program {
    /// The program of these events (thread and what it does).
    ///
    /// # Panics
    /// If they cannot happen in this order.
    pub fn new(events: impl IntoIterator<Item = (u32, Op)>) -> Self {
        let events: Vec<Event> = events.into_iter().map(|(thread, op)| Event { thread, op }).collect();
        let mut machine = Machine::new();
        for (i, event) in events.iter().enumerate() {
            assert!(machine.admits(event), "event {i}, {event:?}, cannot happen here");
            machine.apply(event);
        }
        Program { events, places: usize::MAX }
    }

    /// The same, happening in `places` places of the source code.
    pub fn with_places(self, places: usize) -> Self {
        Program { places, ..self }
    }

    /// The longest part of `events` that can happen, taking each event that can.
    pub fn filtered(&self, events: impl IntoIterator<Item = Event>) -> Self {
        let mut machine = Machine::new();
        let admitted = events.into_iter().filter(|event| {
            let admits = machine.admits(event);
            if admits {
                machine.apply(event);
            }
            admits
        });
        Program { events: admitted.collect(), places: self.places }
    }

    /// The place in the source code of event number `index`: in most programs each event has its own, in some
    /// a few places come again and again, as in a loop.
    pub fn place(&self, index: usize) -> usize {
        index % self.places
    }
}

/// As source code that makes the same program again.
impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        writeln!(f, "Program::new([")?;
        for (i, event) in self.events.iter().enumerate() {
            writeln!(f, "    {event:?}, // {i}")?;
        }
        write!(f, "])")?;
        if self.places == usize::MAX { Ok(()) } else { write!(f, ".with_places({})", self.places) }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Running,
    AtBarrier(u64),
    Ended,
    Gone,
}

#[derive(Clone, Debug, Default)]
struct Barrier {
    /// Threads that came, since the beginning.
    arrived: u64,
    /// Threads that are still inside, with the round they came in.
    inside: BTreeMap<u32, u64>,
}

/// Which events can come next.
#[derive(Clone, Debug)]
pub struct Machine {
    threads: BTreeMap<u32, Life>,
    detached: BTreeSet<u32>,
    mutexes: BTreeMap<u64, u32>,
    writers: BTreeMap<u64, u32>,
    readers: BTreeMap<u64, Vec<u32>>,
    semaphores: BTreeMap<u64, u64>,
    barriers: BTreeMap<u64, Barrier>,
    blocks: Vec<Bytes>,
    /// Granules that were in a block at some time.
    known: BTreeSet<u64>,
    /// Addresses of locks, semaphores and barriers.
    objects: BTreeSet<u64>,
}

impl Machine {
    /// How many threads meet at a barrier.
    pub const BARRIER_WIDTH: u64 = 3;

    /// The beginning: thread 0 runs.
    pub fn new() -> Self {
        Machine {
            threads: BTreeMap::from([(0, Life::Running)]),
            detached: BTreeSet::new(),
            mutexes: BTreeMap::new(),
            writers: BTreeMap::new(),
            readers: BTreeMap::new(),
            semaphores: BTreeMap::new(),
            barriers: BTreeMap::new(),
            blocks: Vec::new(),
            known: BTreeSet::new(),
            objects: BTreeSet::new(),
        }
    }

    /// The threads that run and are not inside a barrier.
    pub fn running(&self) -> impl Iterator<Item = u32> + '_ {
        self.threads.iter().filter(|(_, life)| **life == Life::Running).map(|(&t, _)| t)
    }

    /// All threads that have not ended.
    pub fn alive(&self) -> usize {
        self.threads.values().filter(|l| matches!(l, Life::Running | Life::AtBarrier(_))).count()
    }

    /// Threads inside a barrier, with the barrier.
    pub fn at_barriers(&self) -> impl Iterator<Item = (u32, u64)> + '_ {
        self.threads.iter().filter_map(|(&t, life)| match life {
            Life::AtBarrier(b) => Some((t, *b)),
            _ => None,
        })
    }

    /// Threads that can be joined.
    pub fn joinable(&self) -> impl Iterator<Item = u32> + '_ {
        self.threads.iter().filter(|(_, life)| **life == Life::Ended).map(|(&t, _)| t)
    }

    /// The blocks that are allocated.
    pub fn blocks(&self) -> &[Bytes] {
        &self.blocks
    }

    /// True if the event can come next.
    pub fn admits(&self, event: &Event) -> bool {
        let me = event.thread;
        if let Op::Leave(b) = event.op {
            let barrier = self.barriers.get(&b);
            let round = barrier.and_then(|barrier| barrier.inside.get(&me).map(|r| (barrier.arrived, *r)));
            return round.is_some_and(|(arrived, round)| arrived >= (round + 1) * Self::BARRIER_WIDTH);
        }
        if self.threads.get(&me) != Some(&Life::Running) {
            return event.op == Op::Collect || event.op == Op::Appear && !self.threads.contains_key(&me);
        }
        match event.op {
            Op::Read(b) | Op::Write(b) => b.size > 0 && self.exist(b),
            Op::Load(b, _) | Op::Store(b, _) | Op::Rmw(b, _) => self.can_be_atomic(b),
            Op::Exchanged(b, _, _) | Op::Refused(b, _, _) => self.can_be_atomic(b),
            Op::Fence(order) => order != Order::Relaxed,
            Op::Lock(m) => !self.mutexes.contains_key(&m),
            Op::Unlock(m) => self.mutexes.get(&m) == Some(&me),
            Op::ReadLock(l) => !self.writers.contains_key(&l) && !self.reads(l, me),
            Op::ReadUnlock(l) => self.reads(l, me),
            Op::WriteLock(l) => {
                !self.writers.contains_key(&l) && self.readers.get(&l).is_none_or(|r| r.is_empty())
            }
            Op::WriteUnlock(l) => self.writers.get(&l) == Some(&me),
            Op::Post(_) => true,
            Op::Wait(s) => self.semaphores.get(&s).is_some_and(|&n| n > 0),
            Op::Arrive(b) => self.barriers.get(&b).is_none_or(|barrier| {
                // At most the round before has threads inside.
                let round = barrier.arrived / Self::BARRIER_WIDTH;
                barrier.inside.values().all(|r| r + 1 >= round)
            }),
            Op::Leave(_) | Op::Appear => false,
            Op::Spawn(t) => !self.threads.contains_key(&t),
            Op::Exit => me != 0 && !self.holds_something(me),
            Op::Join(t) => self.threads.get(&t) == Some(&Life::Ended),
            Op::Detach(t) => match self.threads.get(&t) {
                Some(Life::Running | Life::AtBarrier(_)) => !self.detached.contains(&t),
                Some(Life::Ended) => true,
                _ => false,
            },
            Op::Alloc(b) => {
                Self::are_granules(b)
                    && HEAP.start <= b.at
                    && b.range().end <= HEAP.end
                    && !self.blocks.iter().any(|other| other.meets(b))
            }
            Op::Free(b) => self.blocks.contains(&b),
            Op::Reset(b) | Op::Bury(b) => {
                let no_object = self.objects.range(b.range()).next().is_none();
                Self::are_granules(b) && b.range().end <= HEAP.start && no_object
            }
            Op::Collect => true,
        }
    }

    /// Lets the event happen, which [`Machine::admits`].
    pub fn apply(&mut self, event: &Event) {
        let me = event.thread;
        self.objects.extend(event.op.object());
        match event.op {
            Op::Lock(m) => drop(self.mutexes.insert(m, me)),
            Op::Unlock(m) => drop(self.mutexes.remove(&m)),
            Op::ReadLock(l) => self.readers.entry(l).or_default().push(me),
            Op::ReadUnlock(l) => self.readers.entry(l).or_default().retain(|&t| t != me),
            Op::WriteLock(l) => drop(self.writers.insert(l, me)),
            Op::WriteUnlock(l) => drop(self.writers.remove(&l)),
            Op::Post(s) => *self.semaphores.entry(s).or_default() += 1,
            Op::Wait(s) => *self.semaphores.entry(s).or_default() -= 1,
            Op::Arrive(b) => {
                let barrier = self.barriers.entry(b).or_default();
                barrier.inside.insert(me, barrier.arrived / Self::BARRIER_WIDTH);
                barrier.arrived += 1;
                self.threads.insert(me, Life::AtBarrier(b));
            }
            Op::Leave(b) => {
                self.barriers.entry(b).or_default().inside.remove(&me);
                self.threads.insert(me, Life::Running);
            }
            Op::Spawn(t) => drop(self.threads.insert(t, Life::Running)),
            Op::Appear => drop(self.threads.insert(me, Life::Running)),
            Op::Exit => {
                let gone = self.detached.contains(&me);
                self.threads.insert(me, if gone { Life::Gone } else { Life::Ended });
            }
            Op::Join(t) => drop(self.threads.insert(t, Life::Gone)),
            Op::Detach(t) => {
                self.detached.insert(t);
                if self.threads.get(&t) == Some(&Life::Ended) {
                    self.threads.insert(t, Life::Gone);
                }
            }
            Op::Alloc(b) => {
                self.blocks.push(b);
                self.known.extend(b.range().map(|byte| byte / 8));
            }
            Op::Free(b) => self.blocks.retain(|other| *other != b),
            _ => {}
        }
    }

    /// The round of the barrier that its next arrival belongs to.
    pub fn next_round(&self, barrier: u64) -> u64 {
        self.barriers.get(&barrier).map_or(0, |b| b.arrived / Self::BARRIER_WIDTH)
    }

    /// True if the barrier's next arrival begins a round.
    pub fn is_first_of_round(&self, barrier: u64) -> bool {
        self.barriers.get(&barrier).is_none_or(|b| b.arrived % Self::BARRIER_WIDTH == 0)
    }

    /// The round in which `thread` is inside the barrier.
    pub fn round_of(&self, barrier: u64, thread: u32) -> Option<u64> {
        self.barriers.get(&barrier)?.inside.get(&thread).copied()
    }

    fn exist(&self, b: Bytes) -> bool {
        b.range().end <= AREA
            && b.range().all(|byte| !HEAP.contains(&byte) || self.known.contains(&(byte / 8)))
    }

    fn can_be_atomic(&self, b: Bytes) -> bool {
        matches!(b.size, 1 | 2 | 4 | 8 | 16) && b.at.is_multiple_of(b.size) && self.exist(b)
    }

    fn are_granules(b: Bytes) -> bool {
        b.size > 0 && b.at.is_multiple_of(8) && b.size.is_multiple_of(8)
    }

    fn reads(&self, lock: u64, thread: u32) -> bool {
        self.readers.get(&lock).is_some_and(|r| r.contains(&thread))
    }

    fn holds_something(&self, thread: u32) -> bool {
        self.mutexes.values().chain(self.writers.values()).any(|&t| t == thread)
            || self.readers.values().any(|r| r.contains(&thread))
    }
}

impl Default for Machine {
    fn default() -> Self {
        Self::new()
    }
}
