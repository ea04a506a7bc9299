//! What a thread knows, and how it learns and publishes.
//!
//! # Time
//! A thread's own entry in its clock names its current epoch. A release publishes that time and then moves
//! on to the next, so that what the thread does afterwards is not covered by those who acquired the release.
//! If nothing was recorded in an epoch and nothing was learnt since the last release, the release repeats
//! the last one and time stands still.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::clock::{Published, Release, SyncClock, Time, VectorClock};
use crate::context::{ContextCache, Ctx};
use crate::engine::Engine;
use crate::epoch::Epoch;
use crate::memory::{Granule, Memory};
use crate::race::Race;
use crate::readset::SetId;
use crate::slot::Slot;
use crate::word::{Mask, Reads};

/// The number of a thread: 0 is the main thread, later ones count up; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadId(pub u32);

/// How many read sets a thread knows itself to be in.
pub const SET_KEYS: usize = 8;
/// No read part of a shadow word has this value.
const NO_SET: u32 = u32::MAX;
const GROW_CACHE: usize = 64;
const ATOMIC_CACHE: usize = 32;

/// The engine's state of one thread. Owned by whoever runs the thread; given to each call.
#[derive(Debug)]
pub struct Thread {
    pub(crate) id: ThreadId,
    pub(crate) slot: Slot,
    pub(crate) epoch: Epoch,
    pub(crate) clock: VectorClock,
    /// What the last release published of the others; stale once `learnt` is set.
    base: Arc<[Time]>,
    learnt: bool,
    /// No number was left for the current time: the epoch is that of an earlier one.
    is_behind: bool,
    /// An access carries the current epoch.
    pub(crate) stamped: bool,
    /// What earlier relaxed loads read, for a later acquire fence.
    pub(crate) pending: SyncClock,
    /// What the last release fence published, for later relaxed stores.
    pub(crate) fence: Option<Published>,
    /// Read sets that are known to hold the current epoch, as a shadow word's read part names them.
    sets: [u32; SET_KEYS],
    /// How many read sets in a row this thread had to make anew.
    pub(crate) new_sets: u32,
    /// Read sets that this thread grew in this epoch: from which state, to which set.
    grown: [Growth; GROW_CACHE],
    /// Atomic accesses that are recorded in the current epoch.
    atomics: [AtomicSeen; ATOMIC_CACHE],
    /// How often this thread emptied shadow of its own.
    retired: u32,
    /// The contexts this thread used last.
    pub contexts: ContextCache,
    /// Races found by calls of this thread and not yet taken.
    pub races: Vec<Race>,
    pub(crate) joinable: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Growth {
    pub from: u32,
    pub from_ctx: Ctx,
    pub epoch: Epoch,
    pub ctx: Ctx,
    pub to: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct AtomicSeen {
    granule: u64,
    epoch: Epoch,
    /// [`Thread::retired`] and the engine's resets, added up.
    retired: u32,
    mask: Mask,
    write: bool,
}

impl Thread {
    /// The thread's number.
    pub fn id(&self) -> ThreadId {
        self.id
    }

    /// The epoch that its accesses carry now. A shadow word that holds it needs no further look.
    #[inline]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Its clock.
    pub fn clock(&self) -> &VectorClock {
        &self.clock
    }

    /// Nobody will join this thread: its end need not be kept.
    pub fn set_detached(&mut self) {
        self.joinable = false;
    }

    /// Learns what `sync` holds.
    #[inline]
    pub(crate) fn acquire(&mut self, sync: &SyncClock) {
        self.learnt |= sync.acquire_into(&mut self.clock);
    }

    pub(crate) fn acquire_published(&mut self, end: &Published) {
        if self.clock.get(end.slot) < end.time {
            self.clock.join(&end.base);
            self.clock.set(end.slot, end.time);
            self.learnt = true;
        }
    }

    /// Publishes what the thread knows and moves on to the next epoch.
    #[inline]
    pub(crate) fn release<M: Memory>(&mut self, engine: &Engine<M>) -> Release<'_> {
        let slot = self.slot;
        let now = self.clock.get(slot);
        let mut time = now;
        if self.learnt {
            self.base = self.clock.entries().into();
            self.learnt = false;
        } else if !self.stamped && now > self.first_time() {
            // Nothing happened since the last release: it says all there is to say.
            time = now - 1;
        }
        // While there is no other thread, nobody can acquire this release and be unordered with what follows: a
        // thread that is created later begins with all of it.
        if time == now && !engine.is_alone() {
            self.advance(engine, now);
        }
        Release { slot, time, base: &self.base }
    }

    /// The first time at which a release of this thread can have happened.
    fn first_time(&self) -> Time {
        // `base` is made by the first release, and holds the thread's own time of then.
        self.base.get(self.slot.index()).copied().unwrap_or(Time::MAX)
    }

    #[inline]
    fn advance<M: Memory>(&mut self, engine: &Engine<M>, time: Time) {
        self.clock.set(self.slot, time + 1);
        self.stamped = false;
        self.sets = [NO_SET; SET_KEYS];
        match self.epoch.next_in_block() {
            Some(epoch) if !self.is_behind => self.epoch = epoch,
            _ => self.begin_block(engine),
        }
    }

    #[cold]
    fn begin_block<M: Memory>(&mut self, engine: &Engine<M>) {
        if self.clock.get(self.slot) > engine.last_time() {
            self.change_slot(engine);
        }
        if engine.epochs.percent_left() < crate::collect::DUE_PERCENT {
            engine.want_collection();
        }
        match engine.epochs.deal(self.slot, self.clock.get(self.slot)) {
            Some(epoch) => {
                self.epoch = epoch;
                self.is_behind = false;
                engine.slots.lock().set_block(self.slot, epoch);
            }
            // Later accesses will look older than they are: races with them may be missed, none is invented.
            None => {
                self.is_behind = true;
                // What is done in this epoch may look done already: the next release has to try again.
                self.stamped = true;
                engine.count_lost_epoch();
            }
        }
    }

    /// The times of the thread's slot are used up. It goes on in another, as a thread that knows all it knew.
    fn change_slot<M: Memory>(&mut self, engine: &Engine<M>) {
        let end = Published { slot: self.slot, time: self.clock.get(self.slot), base: self.base.clone() };
        let lease = engine.slots.lock().change(self.id, end, &self.clock, engine.last_time());
        self.slot = lease.slot;
        self.clock.set(lease.slot, lease.time);
        // The base does not hold the last times of the old slot.
        self.learnt = true;
    }

    /// True if `set` is known to hold this thread's current epoch.
    #[inline]
    pub(crate) fn holds_me(&self, set: SetId) -> bool {
        let key = Reads::from(set).0;
        self.sets[key as usize % SET_KEYS] == key
    }

    #[inline]
    pub(crate) fn remember_set(&mut self, set: SetId) {
        let key = Reads::from(set).0;
        self.sets[key as usize % SET_KEYS] = key;
    }

    /// More values of a shadow word's high half, beside [`crate::word::read_key`], that say that this thread has
    /// read the bytes in its current epoch. A value can only be at the place that its low bits name.
    #[inline]
    pub fn set_keys(&self) -> &[u32; SET_KEYS] {
        &self.sets
    }

    #[inline]
    pub(crate) fn growth(&mut self, from: u32, from_ctx: Ctx, ctx: Ctx) -> &mut Growth {
        let hash =
            (from ^ from_ctx.0.rotate_left(11) ^ ctx.0.rotate_left(21)).wrapping_mul(0x9e37_79b1) >> 24;
        &mut self.grown[hash as usize % GROW_CACHE]
    }

    /// True if an atomic access of these bytes, at least as strong as this one, is recorded in this epoch.
    ///
    /// While the epoch has not moved on, nobody can be ordered after that access; so whoever touched the bytes
    /// in between without being ordered before it has been found racing with it.
    #[inline]
    pub(crate) fn atomic_seen(&self, granule: Granule, mask: Mask, write: bool, resets: u32) -> bool {
        let seen = &self.atomics[granule.0 as usize % ATOMIC_CACHE];
        seen.epoch == self.epoch
            && seen.granule == granule.0
            && seen.retired == self.retired.wrapping_add(resets)
            && seen.mask.contains(mask)
            && (seen.write || !write)
    }

    #[inline]
    pub(crate) fn remember_atomic(&mut self, granule: Granule, mask: Mask, write: bool, resets: u32) {
        let (epoch, retired) = (self.epoch, self.retired.wrapping_add(resets));
        self.atomics[granule.0 as usize % ATOMIC_CACHE] =
            AtomicSeen { granule: granule.0, epoch, retired, mask, write };
    }

    /// Memory that the thread may have touched in this epoch begins anew.
    pub(crate) fn forget_atomics(&mut self) {
        self.retired = self.retired.wrapping_add(1);
    }

    /// Forgets everything that names read sets, for a collection.
    pub(crate) fn flush_caches(&mut self) {
        self.sets = [NO_SET; SET_KEYS];
        self.grown = [Growth::default(); GROW_CACHE];
    }
}

impl<M: Memory> Engine<M> {
    /// The state of the program's first thread. To be called once.
    pub fn main_thread(&self) -> Box<Thread> {
        self.begin_thread();
        self.new_thread(&VectorClock::new())
    }

    /// A thread that `parent` creates: everything that `parent` did so far is ordered before it.
    pub fn spawn(&self, parent: &mut Thread) -> Box<Thread> {
        // From here on the parent is not alone, so its release ends its epoch.
        self.begin_thread();
        let Release { slot, time, .. } = parent.release(self);
        // The parent may have done nothing in its present epoch yet: then the release did not end it. Or it may
        // have begun another slot; in any case, what it does next is unknown to the child.
        let published = if parent.slot == slot { time } else { parent.clock.get(parent.slot) - 1 };
        let mut child = self.new_thread(&parent.clock);
        child.clock.set(parent.slot, published);
        child
    }

    /// A thread that was not created through [`Engine::spawn`]: ordered after nothing. No other thread may be
    /// inside the engine meanwhile: it might count on being the only one. `others` are all that have begun and
    /// not ended.
    ///
    /// What a thread released while it was alone stands for all it did up to now: if the new thread acquires it,
    /// races with what came in between are missed. [`Engine::expect_foreign_threads`] makes that exact.
    pub fn foreign_thread_beside(&self, others: &mut dyn Iterator<Item = &mut Thread>) -> Box<Thread> {
        self.begin_thread();
        for other in others {
            // What it released while it was alone has not ended its epoch; it must not cover what follows.
            other.stamped = true;
            other.release(self);
        }
        self.new_thread(&VectorClock::new())
    }

    /// As [`Engine::foreign_thread_beside`], where nobody was ever alone: see [`Engine::expect_foreign_threads`].
    pub fn foreign_thread(&self) -> Box<Thread> {
        self.foreign_thread_beside(&mut core::iter::empty())
    }

    fn new_thread(&self, creator: &VectorClock) -> Box<Thread> {
        let (lease, id) = self.slots.lock().lease(creator, self.last_time());
        let epoch = lease
            .last_epoch
            .and_then(Epoch::next_in_block)
            .or_else(|| self.epochs.deal(lease.slot, lease.time));
        let mut clock = creator.clone();
        clock.set(lease.slot, lease.time);
        match epoch {
            Some(epoch) => self.slots.lock().set_block(lease.slot, epoch),
            None => self.count_lost_epoch(),
        }
        Box::new(Thread {
            id,
            slot: lease.slot,
            epoch: epoch.unwrap_or(Epoch::NONE),
            is_behind: epoch.is_none(),
            clock,
            base: Arc::from([]),
            learnt: true,
            stamped: false,
            pending: SyncClock::new(),
            fence: None,
            sets: [NO_SET; SET_KEYS],
            new_sets: 0,
            grown: [Growth::default(); GROW_CACHE],
            atomics: [AtomicSeen::default(); ATOMIC_CACHE],
            retired: 0,
            contexts: ContextCache::new(),
            races: Vec::new(),
            joinable: true,
        })
    }

    /// The thread has done its last access.
    pub fn exit(&self, thread: &mut Thread) {
        let base = thread.release(self).base.clone();
        // In a new slot the release was not the last word.
        let base = if thread.learnt { thread.clock.entries().into() } else { base };
        // If there is an epoch after the release it was never used: the next tenant's first time is the one
        // after it.
        let end = Published { slot: thread.slot, time: thread.clock.get(thread.slot), base };
        let last_epoch = if thread.is_behind { Epoch::NONE } else { thread.epoch };
        self.end_thread();
        let mut slots = self.slots.lock();
        if slots.waiting().len() > crate::collect::DUE_WAITING {
            self.want_collection();
        }
        slots.vacate(thread.id, end, last_epoch, thread.joinable);
    }

    /// `thread` waited for the end of `ended`: everything that `ended` did is ordered before what follows.
    /// False if `ended` has not ended, was joined before, or was detached.
    pub fn join(&self, thread: &mut Thread, ended: ThreadId) -> bool {
        let end = self.slots.lock().take_end(ended);
        match end {
            Some(end) => {
                thread.acquire_published(&end);
                true
            }
            None => false,
        }
    }

    /// Nobody will join `thread`, which runs or has ended.
    pub fn detach(&self, thread: ThreadId) {
        self.slots.lock().detach(thread);
    }
}
