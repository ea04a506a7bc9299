//! The state that all threads share.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use spin::Mutex;

use crate::clock::{SyncClock, Time, VectorClock};
use crate::context::ContextTable;
use crate::epoch::{Epoch, EpochTable};
use crate::memory::{Granule, Memory};
use crate::race::{AccessKind, Race, Side};
use crate::readset::ReadSets;
use crate::slot::Slots;
use crate::thread::{Thread, ThreadId};
use crate::word::{self, Word};

/// The detector. One for each program; shared by reference between its threads.
#[derive(Debug)]
pub struct Engine<M> {
    pub(crate) memory: M,
    pub(crate) epochs: EpochTable,
    pub(crate) slots: Mutex<Slots>,
    pub(crate) sets: ReadSets,
    /// The calling contexts of all recorded accesses.
    pub contexts: ContextTable,
    /// The one location that all sequentially consistent fences read and write.
    pub(crate) seq_cst: Mutex<SyncClock>,
    /// A collection is due; see [`crate::collect`].
    pub(crate) collection_wanted: AtomicBool,
    /// How many threads have begun and not ended.
    threads: AtomicU32,
    last_time: Time,
    /// How often atomics were forgotten because their memory is new: what threads remember of them is stale then.
    resets: AtomicU32,
    lost_epochs: AtomicU64,
    lost_sets: AtomicU64,
    pub(crate) lost_history: AtomicU64,
    /// When the present age of history began; see [`crate::shed`].
    pub(crate) aged: Mutex<VectorClock>,
    pub(crate) collections: AtomicU64,
}

/// Far enough from the end of [`Time`] that nobody comes there before he looks.
const LAST_TIME: Time = Time::MAX / 2;

/// What the engine holds, and what it had to give up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Releases after which no new epoch could be had: later accesses of that thread look older than they
    /// are, so races with them may be missed.
    pub lost_epochs: u64,
    /// Reads that could not be added to a set of readers: races with them may be missed.
    pub lost_sets: u64,
    /// Granules whose history was shed although a race with it was still possible: such races are missed.
    pub lost_history: u64,
    /// Contexts that could not be kept: the stack of such an access cannot be shown.
    pub lost_contexts: u64,
    /// Contexts that are kept.
    pub contexts: u64,
    /// Read sets that are kept.
    pub read_sets: u64,
    /// Slots: the width of the widest clock.
    pub slots: u64,
    /// How often ids were taken back.
    pub collections: u64,
}

impl<M: Memory> Engine<M> {
    /// A detector over `memory`, which must be zero.
    pub fn new(memory: M) -> Self {
        Engine {
            memory,
            epochs: EpochTable::new(),
            slots: Mutex::new(Slots::new()),
            sets: ReadSets::new(),
            contexts: ContextTable::new(),
            seq_cst: Mutex::new(SyncClock::new()),
            collection_wanted: AtomicBool::new(false),
            threads: AtomicU32::new(0),
            last_time: LAST_TIME,
            resets: AtomicU32::new(0),
            lost_epochs: AtomicU64::new(0),
            lost_sets: AtomicU64::new(0),
            lost_history: AtomicU64::new(0),
            aged: Mutex::new(VectorClock::new()),
            collections: AtomicU64::new(0),
        }
    }

    /// True if there is only one thread.
    #[inline]
    pub(crate) fn is_alone(&self) -> bool {
        // Who was inside before has left for good, with all that he did: see `end_thread`.
        self.threads.load(Ordering::Acquire) <= 1
    }

    /// True if more threads than these have begun, or will begin, and have not ended.
    pub fn has_more_threads_than(&self, count: usize) -> bool {
        self.threads.load(Ordering::Relaxed) as usize > count
    }

    pub(crate) fn begin_thread(&self) {
        self.threads.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn end_thread(&self) {
        self.threads.fetch_sub(1, Ordering::Release);
    }

    /// Threads will begin that nobody announces, while others are inside the engine: no thread may count on being
    /// the only one. To be called before the first thread begins.
    pub fn expect_foreign_threads(&self) {
        self.begin_thread();
    }

    /// Lets slots be used up sooner than they would be, for tests.
    #[doc(hidden)]
    pub fn set_last_time(&mut self, time: Time) {
        self.last_time = time;
    }

    /// When this time has come in a slot, it is used up.
    pub(crate) fn last_time(&self) -> Time {
        self.last_time
    }

    #[inline]
    pub(crate) fn resets(&self) -> u32 {
        self.resets.load(Ordering::Relaxed)
    }

    pub(crate) fn count_reset(&self) {
        self.resets.fetch_add(1, Ordering::Relaxed);
    }

    /// In a forked child: no thread but the caller came along.
    pub fn keep_only_caller(&self) {
        self.threads.store(1, Ordering::Relaxed);
    }

    /// The memory that the engine works on.
    pub fn memory(&self) -> &M {
        &self.memory
    }

    /// Sizes and losses so far.
    pub fn stats(&self) -> Stats {
        Stats {
            lost_epochs: self.lost_epochs.load(Ordering::Relaxed),
            lost_sets: self.lost_sets.load(Ordering::Relaxed),
            lost_history: self.lost_history.load(Ordering::Relaxed),
            lost_contexts: u64::from(self.contexts.lost()),
            contexts: self.contexts.len() as u64,
            read_sets: u64::from(self.sets.live()),
            slots: self.slots.lock().width() as u64,
            collections: self.collections.load(Ordering::Relaxed),
        }
    }

    /// The thread whose access carries `epoch`.
    pub fn thread_of(&self, epoch: Epoch) -> Option<ThreadId> {
        let (slot, time) = self.epochs.resolve(epoch);
        self.slots.lock().tenant(slot, time)
    }

    /// Whether `thread` has learnt of anything that the thread of `epoch` did, be it before that epoch.
    #[cold]
    pub fn has_learnt_of(&self, thread: &Thread, epoch: Epoch) -> bool {
        let (slot, time) = self.epochs.resolve(epoch);
        let known = thread.clock().get(slot);
        let slots = self.slots.lock();
        // A slot had other tenants before; what was learnt of those does not count.
        let owner = slots.tenant(slot, time);
        owner.is_some() && slots.tenant(slot, known) == owner
    }

    /// The contexts of a granule that is about to get its first history, or has some.
    #[inline]
    pub(crate) fn contexts_for(&self, granule: Granule) -> &AtomicU64 {
        let (contexts, look) = self.memory.first_contexts(granule);
        if look {
            self.want_collection();
        }
        contexts
    }

    /// Takes the lock of a word and gives its value. While there is no other thread, nobody can be in the way.
    #[inline]
    pub(crate) fn lock(&self, word: &AtomicU64) -> Word {
        if self.is_alone() { word::take_alone(word) } else { word::lock(&self.memory, word) }
    }

    /// True if what happened in `epoch` is ordered before what `thread` does now.
    #[inline]
    pub(crate) fn ordered(&self, thread: &Thread, epoch: Epoch) -> bool {
        self.is_covered(epoch, &thread.clock)
    }

    /// True if the owner of the clock has heard of `epoch`, which is not [`Epoch::NONE`].
    #[inline]
    pub(crate) fn is_covered(&self, epoch: Epoch, clock: &VectorClock) -> bool {
        let (slot, time) = self.epochs.resolve(epoch);
        clock.get(slot) >= time
    }

    #[cold]
    pub(crate) fn count_lost_epoch(&self) {
        self.lost_epochs.fetch_add(1, Ordering::Relaxed);
    }

    #[cold]
    pub(crate) fn count_lost_set(&self) {
        self.lost_sets.fetch_add(1, Ordering::Relaxed);
    }

    #[cold]
    pub(crate) fn found(&self, thread: &mut Thread, current: Side, previous: Side, unordered: bool) {
        let previous = Side { thread: self.thread_of(previous.epoch), ..previous };
        // One access that runs over many granules finds the same pair of places in each of them.
        let repeats = |r: &Race| {
            r.current.ctx == current.ctx
                && r.current.kind == current.kind
                && r.previous.ctx == previous.ctx
                && r.previous.kind == previous.kind
        };
        if !thread.races.iter().any(repeats) {
            thread.races.push(Race { current, previous, unordered });
        }
    }
}

/// An access as the rules see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Access {
    pub address: u64,
    pub size: u64,
    pub kind: AccessKind,
    pub ctx: crate::context::Ctx,
    /// Granules below this one (and not below the access) need not ask for their origin.
    pub origin_known: Granule,
}

impl Access {
    pub(crate) fn side(&self, thread: &Thread) -> Side {
        Side {
            kind: self.kind,
            address: self.address,
            size: self.size,
            thread: Some(thread.id),
            epoch: thread.epoch,
            ctx: self.ctx,
        }
    }
}
