//! Atomic operations and fences: the C++20 rules, as clock operations.
//!
//! Each atomic location has a clock: what an acquire load of its present value learns. With `C` the thread's
//! clock, `L` the location's, `A` what the thread's relaxed loads have read since its last acquire fence, `R`
//! the clock at its last release fence, and `S` one clock for all seq_cst fences:
//!
//! | operation | effect | clause of C++20 |
//! |---|---|---|
//! | load acquire | `C ⊔= L` | [atomics.order]/2 |
//! | load relaxed | `A ⊔= L` | [atomics.fences]/2, /3 |
//! | store release | `L := C` | a store heads a new release sequence, [intro.races]/5 |
//! | store relaxed | `L := R` | [atomics.fences]/2, /4 |
//! | read-modify-write | its load's effect; then `L ⊔= C` (release) or `L ⊔= R` | it continues the sequence |
//! | fence acquire | `C ⊔= A` | [atomics.fences]/2, /3 |
//! | fence release | `R := C` | [atomics.fences]/2, /4 |
//! | fence seq_cst | acquire, `C ⊔= S`, `S ⊔= C`, release | as a read-modify-write of one location |
//!
//! A seq_cst fence as a read-modify-write of one location is at least as strong as the standard asks;
//! nothing that is ordered by the standard is called a race. Seq_cst loads and stores are acquire and
//! release.
//!
//! Where sizes are mixed, a location is the bytes of one store: a load learns from all locations that it meets,
//! a store takes its bytes away from them, and a read-modify-write continues the sequences of all that it meets.
//! A plain write ends the sequences of its bytes, as the store that it is.
//!
//! The real operation is done under the lock of the granule's shadow word, so that value and clock always
//! belong together.
//!
//! Atomic accesses do not race with each other. They do with plain ones, so they are recorded beside the
//! plain history: for each byte the last atomic accesses of each thread that are not ordered before a later
//! one which conflicts with as much.

use core::sync::atomic::{AtomicU64, Ordering};

use smallvec::SmallVec;

use crate::clock::SyncClock;
use crate::context::Place;
use crate::engine::{Access, Engine};
use crate::memory::{Granule, Memory};
use crate::race::AccessKind;
use crate::record::{AtomicAccess, Location, Record, Segment};
use crate::sync::Channel;
use crate::thread::Thread;
use crate::word::{self, Mask, Word};

/// The orders that a load can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadOrder {
    /// No edge, unless a fence makes one.
    Relaxed,
    /// Acquire.
    Acquire,
    /// Sequentially consistent: as acquire.
    SeqCst,
}

/// The orders that a store can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreOrder {
    /// No edge, unless a fence makes one.
    Relaxed,
    /// Release.
    Release,
    /// Sequentially consistent: as release.
    SeqCst,
}

/// The orders that a read-modify-write can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RmwOrder {
    /// No edge, unless a fence makes one.
    Relaxed,
    /// Its load is an acquire.
    Acquire,
    /// Its store is a release.
    Release,
    /// Both.
    AcqRel,
    /// Sequentially consistent: as both.
    SeqCst,
}

/// The orders that a fence can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FenceOrder {
    /// Earlier relaxed loads become acquires.
    Acquire,
    /// Later relaxed stores become releases.
    Release,
    /// Both.
    AcqRel,
    /// Both, and ordered with all other seq_cst fences.
    SeqCst,
}

impl RmwOrder {
    fn acquires(self) -> bool {
        !matches!(self, RmwOrder::Relaxed | RmwOrder::Release)
    }

    fn releases(self) -> bool {
        !matches!(self, RmwOrder::Relaxed | RmwOrder::Acquire)
    }
}

/// What an atomic operation does to the location's clock, and to the thread's.
#[derive(Clone, Copy)]
struct Effect {
    /// It reads the value: the location's clock is learnt at once (`true`) or at the next acquire fence.
    load: Option<bool>,
    store: Option<Store>,
}

#[derive(Clone, Copy)]
struct Store {
    release: bool,
    /// It continues the release sequence instead of heading a new one.
    continues: bool,
}

impl From<LoadOrder> for Effect {
    fn from(order: LoadOrder) -> Self {
        Effect { load: Some(order != LoadOrder::Relaxed), store: None }
    }
}

impl From<StoreOrder> for Effect {
    fn from(order: StoreOrder) -> Self {
        let store = Store { release: order != StoreOrder::Relaxed, continues: false };
        Effect { load: None, store: Some(store) }
    }
}

impl From<RmwOrder> for Effect {
    fn from(order: RmwOrder) -> Self {
        let store = Store { release: order.releases(), continues: true };
        Effect { load: Some(order.acquires()), store: Some(store) }
    }
}

/// The part of a 16-byte operation that lies in one granule, locked.
struct Locked<'a> {
    granule: Granule,
    mask: Mask,
    cell: &'a AtomicU64,
    word: Word,
}

impl<M: Memory> Engine<M> {
    /// An atomic load of `size` bytes (1 to 16, aligned to their size). `op` does the real load.
    pub fn load<T>(
        &self,
        thread: &mut Thread,
        address: u64,
        size: u64,
        order: LoadOrder,
        place: impl Place,
        op: impl FnOnce() -> T,
    ) -> T {
        self.atomic(thread, address, size, place, || (op(), order.into()))
    }

    /// An atomic store. `op` does the real store.
    pub fn store<T>(
        &self,
        thread: &mut Thread,
        address: u64,
        size: u64,
        order: StoreOrder,
        place: impl Place,
        op: impl FnOnce() -> T,
    ) -> T {
        self.atomic(thread, address, size, place, || (op(), order.into()))
    }

    /// An atomic read-modify-write. `op` does the real one.
    pub fn read_modify_write<T>(
        &self,
        thread: &mut Thread,
        address: u64,
        size: u64,
        order: RmwOrder,
        place: impl Place,
        op: impl FnOnce() -> T,
    ) -> T {
        self.atomic(thread, address, size, place, || (op(), order.into()))
    }

    /// A compare-exchange. `op` does the real one: `Ok` if it stored, `Err` if the value was another; then
    /// it was a load with the order `failure`.
    #[expect(clippy::too_many_arguments, reason = "the operation's own arguments")]
    pub fn compare_exchange<T, E>(
        &self,
        thread: &mut Thread,
        address: u64,
        size: u64,
        success: RmwOrder,
        failure: LoadOrder,
        place: impl Place,
        op: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.atomic(thread, address, size, place, || {
            let result = op();
            let effect = if result.is_ok() { success.into() } else { failure.into() };
            (result, effect)
        })
    }

    /// A fence of the thread.
    pub fn fence(&self, thread: &mut Thread, order: FenceOrder) {
        if order != FenceOrder::Release {
            let pending = core::mem::take(&mut thread.pending);
            thread.acquire(&pending);
        }
        if order == FenceOrder::SeqCst {
            let mut all = self.seq_cst.lock();
            thread.acquire(&all);
            all.add(thread.release(self));
        }
        if order != FenceOrder::Acquire {
            thread.fence = Some(thread.release(self).to_published());
        }
    }

    /// True if a relaxed operation on these bytes has nothing to tell the engine: its access is recorded in this
    /// epoch already, it reads from no release, and (for a write) follows no release fence. The caller then does
    /// the real operation and asks [`Engine::spoke_meanwhile`].
    #[inline]
    pub fn relaxed_is_known(&self, thread: &Thread, granule: Granule, mask: Mask, write: bool) -> bool {
        let word = self.memory.word(granule).load(Ordering::Acquire);
        Word::is_silent(word, mask)
            && thread.atomic_seen(granule, mask, write, self.resets())
            && !(write && thread.fence.is_some())
    }

    /// After a real operation that [`Engine::relaxed_is_known`] allowed: true if somebody released into the
    /// granule in the meantime. A load is then to be repeated through the engine; a read-modify-write or a store, which
    /// can't be, is told by [`Engine::relaxed_read`] or [`Engine::relaxed_stored`].
    #[inline]
    pub fn spoke_meanwhile(&self, granule: Granule, mask: Mask) -> bool {
        !Word::is_silent(self.memory.word(granule).load(Ordering::Acquire), mask)
    }

    /// A relaxed operation has read these bytes, not long ago.
    #[cold]
    pub fn relaxed_read(&self, thread: &mut Thread, granule: Granule, mask: Mask) {
        let cell = self.memory.word(granule);
        let word = self.lock(cell);
        // SAFETY: the lock is held, and this is the only reference made under it.
        if let Some(record) = unsafe { Record::of(word) } {
            learn(thread, record, mask, false);
        }
        word::unlock(cell, word);
    }

    /// A relaxed store has written these bytes, not long ago, while somebody released into them. `is_last` looks
    /// whether the value is still there: then the store came last, and what was released is not to be had from it.
    /// (If the other stored the same value, nobody can tell which came last.)
    #[cold]
    pub fn relaxed_stored(&self, granule: Granule, mask: Mask, is_last: impl FnOnce() -> bool) {
        let cell = self.memory.word(granule);
        let word = self.lock(cell);
        // SAFETY: the lock is held, and this is the only reference made under it.
        if let Some(record) = unsafe { Record::of(word) }
            && is_last()
        {
            record.end_sequences(mask);
        }
        word::unlock(cell, word);
    }

    #[inline]
    fn atomic<T>(
        &self,
        thread: &mut Thread,
        address: u64,
        size: u64,
        place: impl Place,
        op: impl FnOnce() -> (T, Effect),
    ) -> T {
        let (granule, first) = (Granule::of(address), (address & 7) as u32);
        if u64::from(first) + size > 8 {
            return self.wide(thread, address, size, place, op);
        }
        let mask = Mask::span(first, size);
        let cell = self.memory.word(granule);
        let mut word = self.lock(cell);
        let contexts = || self.contexts_for(granule).load(Ordering::Relaxed);
        // SAFETY: the lock is held, this is the only reference, and the word is stored at the unlock.
        let record = unsafe { expand(&mut word, contexts) };
        let (value, effect) = op();
        // First everything is learnt, since what an acquire reads from happens before the acquire itself; last
        // everything is published: a read-modify-write publishes what it learnt.
        if let Some(acquire) = effect.load {
            learn(thread, record, mask, acquire);
        }
        let kind = if effect.store.is_some() { AccessKind::AtomicWrite } else { AccessKind::AtomicRead };
        self.record_atomic(thread, record, granule, mask, kind, address, size, place);
        if let Some(store) = effect.store {
            self.publish(thread, record, mask, store);
        }
        if record.is_empty() {
            // The access was one to memory that was freed before.
            // SAFETY: the lock is held, and the word is replaced in the next line.
            unsafe { Record::free(word) };
            word::unlock(cell, Word::EMPTY);
            return value;
        }
        let clocks = record.clocks();
        word::unlock(cell, word.with_clocks(clocks));
        value
    }

    /// An operation whose bytes lie in two granules. They are locked in the order of addresses.
    #[cold]
    fn wide<T>(
        &self,
        thread: &mut Thread,
        address: u64,
        size: u64,
        place: impl Place,
        op: impl FnOnce() -> (T, Effect),
    ) -> T {
        let mut parts: SmallVec<[Locked; 2]> = SmallVec::new();
        let (mut granule, mut first, mut left) = (Granule::of(address), (address & 7) as u32, size);
        while left > 0 {
            let mask = Mask::span(first, left);
            let cell = self.memory.word(granule);
            parts.push(Locked { granule, mask, cell, word: self.lock(cell) });
            left -= u64::from(mask.0.count_ones());
            granule = granule.next();
            first = 0;
        }
        let (value, effect) = op();
        if let Some(acquire) = effect.load {
            for part in &mut parts {
                let mask = part.mask;
                learn(thread, self.record_of(part), mask, acquire);
            }
        }
        let kind = if effect.store.is_some() { AccessKind::AtomicWrite } else { AccessKind::AtomicRead };
        for part in &mut parts {
            let (granule, mask) = (part.granule, part.mask);
            self.record_atomic(thread, self.record_of(part), granule, mask, kind, address, size, place);
        }
        if let Some(store) = effect.store {
            self.publish_wide(thread, &mut parts, store);
        }
        for mut part in parts {
            if self.record_of(&mut part).is_empty() {
                // SAFETY: the lock is held, and the word is replaced in the next line.
                unsafe { Record::free(part.word) };
                word::unlock(part.cell, Word::EMPTY);
                continue;
            }
            let clocks = self.record_of(&mut part).clocks();
            word::unlock(part.cell, part.word.with_clocks(clocks));
        }
        value
    }

    /// Checks the access against the plain history and records it.
    #[inline]
    #[expect(clippy::too_many_arguments, reason = "an access, and what is at hand about its granule")]
    fn record_atomic(
        &self,
        thread: &mut Thread,
        record: &mut Record,
        granule: Granule,
        mask: Mask,
        kind: AccessKind,
        address: u64,
        size: u64,
        place: impl Place,
    ) {
        let write = kind == AccessKind::AtomicWrite;
        let read_since = write && record.has_reads(mask);
        let mut mine = None;
        for a in &mut record.atomics {
            if a.slot != thread.slot || !a.mask.contains(mask) || (write && !a.write) {
                continue;
            }
            // While the epoch has not moved on, nobody can be ordered after an access in it; so whoever touched
            // the bytes in between without being ordered before it has been found racing with it.
            if a.epoch == thread.epoch {
                return;
            }
            if a.mask == mask && a.write == write {
                mine = Some(a);
            }
        }
        thread.stamped = true;
        let ctx = place.context(&self.contexts, &mut thread.contexts);
        let mut access = Access { address, size, kind, ctx, origin_known: Granule(0) };
        // The bytes were not written plainly since this thread's last access of them, which was checked against
        // the write before it. So only later reads are left to be looked at.
        if let Some(mine) = mine
            && !read_since
        {
            mine.epoch = thread.epoch;
            mine.ctx = ctx;
            return thread.remember_atomic(granule, mask, write, self.resets());
        }
        self.record_new(thread, record, granule, mask, &mut access);
    }

    /// The same for an access that the thread has not done before, or that somebody else may be in the way of.
    #[inline(never)]
    fn record_new(
        &self,
        thread: &mut Thread,
        record: &mut Record,
        granule: Granule,
        mask: Mask,
        access: &mut Access,
    ) {
        let write = access.kind == AccessKind::AtomicWrite;
        let mut unwritten = mask;
        for old in &record.segments {
            if !old.mask.meets(mask) {
                continue;
            }
            if !old.write.is_none() {
                unwritten = unwritten & !old.mask;
            }
            let old = Segment { mask: old.mask & mask, ..*old };
            if !old.write.is_none() && old.write != thread.epoch && !self.ordered(thread, old.write) {
                self.race_with(
                    thread,
                    granule,
                    old.mask,
                    access,
                    AccessKind::Write,
                    old.write,
                    old.write_ctx,
                );
            }
            if write {
                self.check_reads(thread, granule, old, access);
            }
        }
        self.check_readers(thread, granule, mask, access, record);
        // Other atomic accesses need not be ordered before this one; the allocation must be.
        if !unwritten.is_empty() && !self.check_origin(thread, granule, unwritten, access) {
            return;
        }
        // An earlier atomic access that is ordered before this one, conflicts with no more and covers no other
        // bytes has nothing left to say.
        let says_less = |a: &AtomicAccess| {
            mask.contains(a.mask)
                && (write || !a.write)
                && (a.epoch == thread.epoch || self.ordered(thread, a.epoch))
        };
        record.atomics.retain(|a| !says_less(a));
        let (slot, epoch) = (thread.slot, thread.epoch);
        record.atomics.push(AtomicAccess { mask, write, slot, epoch, ctx: access.ctx });
        thread.remember_atomic(granule, mask, write, self.resets());
    }

    /// The store's part: what the location's clock becomes.
    #[inline]
    fn publish(&self, thread: &mut Thread, record: &mut Record, mask: Mask, store: Store) {
        let exact = |l: &&mut Location| l.channel == Channel::ATOMIC && l.mask == mask;
        let Some(location) = record.locations.iter_mut().find(exact) else {
            return self.publish_first(thread, record, mask, store);
        };
        let clock = &mut location.clock;
        if store.release {
            // What the thread knows already is in what it publishes.
            let covered = !store.continues || clock.is_covered_by(&thread.clock);
            let release = thread.release(self);
            if covered {
                clock.replace(release)
            } else {
                clock.add(release)
            }
            return;
        }
        // A relaxed operation publishes what was known at the fence, not what is known now; a read-modify-write
        // without a fence leaves the sequence as it is.
        match (&thread.fence, store.continues) {
            (None, true) => {}
            (None, false) => clock.clear(),
            (Some(fence), true) => clock.add(fence.as_release()),
            (Some(fence), false) => clock.replace(fence.as_release()),
        }
    }

    /// The same where the bytes are no location yet, or several, or parts of larger ones.
    fn publish_first(&self, thread: &mut Thread, record: &mut Record, mask: Mask, store: Store) {
        let mut clock = SyncClock::new();
        if store.continues {
            record.sequences(mask).for_each(|location| clock.add_all(&location.clock));
        }
        self.add_own(thread, &mut clock, store);
        begin_sequence(record, mask, clock);
    }

    /// The same for an operation on two granules: both get one clock.
    fn publish_wide(&self, thread: &mut Thread, parts: &mut [Locked], store: Store) {
        let mut clock = SyncClock::new();
        if store.continues {
            for part in &mut *parts {
                let mask = part.mask;
                self.record_of(part).sequences(mask).for_each(|location| clock.add_all(&location.clock));
            }
        }
        self.add_own(thread, &mut clock, store);
        for part in parts {
            let mask = part.mask;
            begin_sequence(self.record_of(part), mask, clock.clone());
        }
    }

    fn add_own(&self, thread: &mut Thread, clock: &mut SyncClock, store: Store) {
        if store.release {
            clock.add(thread.release(self));
        } else if let Some(fence) = &thread.fence {
            clock.add(fence.as_release());
        }
    }

    /// The part's record, made if the word has none yet. The word itself is stored when the part is unlocked.
    fn record_of<'a>(&self, part: &'a mut Locked) -> &'a mut Record {
        let contexts = || self.contexts_for(part.granule).load(Ordering::Relaxed);
        // SAFETY: a `Locked` exists only while its word is locked, and the reference borrows it.
        unsafe { expand(&mut part.word, contexts) }
    }
}

/// The load's part: what the location's clock tells, now or at the next acquire fence.
#[inline]
fn learn(thread: &mut Thread, record: &Record, mask: Mask, acquire: bool) {
    for location in record.sequences(mask) {
        if acquire {
            thread.acquire(&location.clock);
        } else if !location.clock.is_covered_by(&thread.clock) {
            thread.pending.add_all(&location.clock);
        }
    }
}

/// The bytes are a location of their own from now on, with this clock.
fn begin_sequence(record: &mut Record, mask: Mask, clock: SyncClock) {
    record.end_sequences(mask);
    if !clock.is_empty() {
        record.locations.push(Location { mask, channel: Channel::ATOMIC, clock });
    }
}

/// The record behind a locked word; a word without one gets one.
///
/// # Safety
/// The caller holds the lock of the word that `word` was read from, has no other reference to its record, and
/// stores `word` when it gives the lock back.
pub(crate) unsafe fn expand(word: &mut Word, contexts: impl FnOnce() -> u64) -> &mut Record {
    if word.record_address().is_none() {
        // Asked for even where there are none yet: by that the surroundings know that the word is in use.
        let contexts = contexts();
        let mut record = alloc::boxed::Box::<Record>::default();
        if !word.is_empty() {
            record.segments.push(Segment::from_word(*word, contexts));
        }
        *word = record.into_word();
    }
    // SAFETY: the caller holds the lock and has no other reference. The address is there: it was made above if
    // it was not.
    unsafe { Record::of(*word).unwrap_unchecked() }
}
