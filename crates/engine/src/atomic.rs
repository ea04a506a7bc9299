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

use core::sync::atomic::AtomicU64;

use smallvec::SmallVec;

use crate::clock::{Published, SyncClock};
use crate::context::Ctx;
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

/// The parts of an operation that lie in one granule, locked.
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
        ctx: Ctx,
        op: impl FnOnce() -> T,
    ) -> T {
        self.atomic(thread, address, size, ctx, || (op(), order.into()))
    }

    /// An atomic store. `op` does the real store.
    pub fn store<T>(
        &self,
        thread: &mut Thread,
        address: u64,
        size: u64,
        order: StoreOrder,
        ctx: Ctx,
        op: impl FnOnce() -> T,
    ) -> T {
        self.atomic(thread, address, size, ctx, || (op(), order.into()))
    }

    /// An atomic read-modify-write. `op` does the real one.
    pub fn read_modify_write<T>(
        &self,
        thread: &mut Thread,
        address: u64,
        size: u64,
        order: RmwOrder,
        ctx: Ctx,
        op: impl FnOnce() -> T,
    ) -> T {
        self.atomic(thread, address, size, ctx, || (op(), order.into()))
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
        ctx: Ctx,
        op: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        self.atomic(thread, address, size, ctx, || {
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
            thread.fence = Some(thread.release(self));
        }
    }

    fn atomic<T>(
        &self,
        thread: &mut Thread,
        address: u64,
        size: u64,
        ctx: Ctx,
        op: impl FnOnce() -> (T, Effect),
    ) -> T {
        // Sixteen bytes lie in two granules; they are locked in the order of addresses.
        let mut parts: SmallVec<[Locked; 2]> = SmallVec::new();
        let (mut granule, mut first, mut left) = (Granule::of(address), (address & 7) as u32, size);
        while left > 0 {
            let mask = Mask::span(first, left);
            let cell = self.memory.word(granule);
            parts.push(Locked { granule, mask, cell, word: word::lock(&self.memory, cell) });
            left -= u64::from(mask.0.count_ones());
            granule = granule.next();
            first = 0;
        }
        let (value, effect) = op();
        let kind = if effect.store.is_some() { AccessKind::AtomicWrite } else { AccessKind::AtomicRead };
        let access = Access { address, size, kind, ctx };
        // First everything is learnt, since what an acquire reads from happens before the acquire itself; last
        // everything is published: a read-modify-write publishes what it learnt.
        if let Some(acquire) = effect.load {
            parts.iter().for_each(|part| self.learn(thread, part, acquire));
        }
        parts.iter_mut().for_each(|part| self.record_atomic(thread, part, &access));
        if let Some(store) = effect.store {
            self.publish(thread, &mut parts, store);
        }
        for part in parts {
            word::unlock(part.cell, part.word);
        }
        value
    }

    /// Checks the access against the plain history and records it.
    #[inline]
    fn record_atomic(&self, thread: &mut Thread, part: &mut Locked, access: &Access) {
        let write = access.kind == AccessKind::AtomicWrite;
        let (granule, mask) = (part.granule, part.mask);
        let record = self.expand(part);
        // While the epoch has not moved on, nobody can be ordered after an access in it; so whoever touched the
        // bytes in between without being ordered before it has been found racing with it.
        let said = |a: &AtomicAccess| a.epoch == thread.epoch && a.mask.contains(mask) && (a.write || !write);
        if record.atomics.iter().any(said) {
            return;
        }
        let mut known = record.atomics.iter().fold(Mask::NONE, |m, a| m | a.mask);
        for old in &record.segments {
            known = known | old.mask;
            if !old.mask.meets(mask) {
                continue;
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
        let unknown = mask & !known;
        if !unknown.is_empty() && !self.check_origin(thread, granule, unknown, access) {
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
        let epoch = thread.epoch;
        record.atomics.push(AtomicAccess { mask, write, epoch, ctx: access.ctx });
        thread.stamped = true;
    }

    /// The load's part: what the location's clock tells, now or at the next acquire fence.
    #[inline]
    fn learn(&self, thread: &mut Thread, part: &Locked, acquire: bool) {
        // SAFETY: the lock of the part's word is held, and this is the only reference to the record now.
        let Some(record) = (unsafe { Record::of(part.word) }) else { return };
        for location in record.sequences(part.mask) {
            if acquire {
                thread.acquire(&location.clock);
            } else if !location.clock.is_covered_by(&thread.clock) {
                thread.pending.add_all(&location.clock);
            }
        }
    }

    /// The store's part: what the location's clock becomes.
    #[inline]
    fn publish(&self, thread: &mut Thread, parts: &mut [Locked], store: Store) {
        let published = if store.release { Some(thread.release(self)) } else { thread.fence.clone() };
        if let [part] = parts
            && let Some(clock) = Self::clock_of(part)
        {
            match (published, store.continues) {
                // A relaxed read-modify-write leaves the sequence as it is.
                (None, true) => {}
                (None, false) => clock.clear(),
                // What the thread knows already is in what it publishes. (A relaxed operation publishes what was
                // known at the fence, not what is known now.)
                (Some(published), true) if !(store.release && clock.is_covered_by(&thread.clock)) => {
                    clock.add(published);
                }
                (Some(published), _) => clock.replace(published),
            }
            return;
        }
        self.publish_mixed(parts, published, store);
    }

    /// The same where the bytes are no location yet, or several, or parts of larger ones.
    #[cold]
    fn publish_mixed(&self, parts: &mut [Locked], published: Option<Published>, store: Store) {
        let mut clock = SyncClock::new();
        if store.continues {
            for part in &*parts {
                // SAFETY: the lock of the part's word is held, and this is the only reference to the record now.
                let Some(record) = (unsafe { Record::of(part.word) }) else { continue };
                record.sequences(part.mask).for_each(|location| clock.add_all(&location.clock));
            }
        }
        if let Some(published) = published {
            clock.add(published);
        }
        parts.iter_mut().for_each(|part| self.begin_sequence(part, &clock));
    }

    /// The clock of the location that is just the part, if there is one.
    fn clock_of<'a>(part: &'a mut Locked) -> Option<&'a mut SyncClock> {
        // SAFETY: the lock of the part's word is held, and the result borrows the part.
        let record: &'a mut Record = unsafe { Record::of(part.word) }?;
        let exact = |l: &&mut Location| l.channel == Channel::ATOMIC && l.mask == part.mask;
        record.locations.iter_mut().find(exact).map(|l| &mut l.clock)
    }

    /// The part's bytes are a location of their own from now on, with this clock.
    fn begin_sequence(&self, part: &mut Locked, clock: &SyncClock) {
        if clock.is_empty() && part.word.record_address().is_none() {
            return;
        }
        let mask = part.mask;
        let record = self.expand(part);
        record.end_sequences(mask);
        if !clock.is_empty() {
            record.locations.push(Location { mask, channel: Channel::ATOMIC, clock: clock.clone() });
        }
    }

    /// The part's record, made if the word has none yet. The word itself is stored when the part is unlocked.
    fn expand<'a>(&self, part: &'a mut Locked) -> &'a mut Record {
        let contexts = self.memory.contexts(part.granule);
        // SAFETY: a `Locked` exists only while its word is locked.
        unsafe { expand(&mut part.word, || contexts.load(core::sync::atomic::Ordering::Relaxed)) }
    }
}

/// The record behind a locked word; a word without one gets one.
///
/// # Safety
/// The caller holds the lock of the word that `word` was read from, has no other reference to its record, and
/// stores `word` when it gives the lock back.
pub(crate) unsafe fn expand(word: &mut Word, contexts: impl FnOnce() -> u64) -> &mut Record {
    if word.record_address().is_none() {
        let mut record = alloc::boxed::Box::<Record>::default();
        if !word.is_empty() {
            record.segments.push(Segment::from_word(*word, contexts()));
        }
        *word = record.into_word();
    }
    // SAFETY: the caller holds the lock and has no other reference. The address is there: it was made above if
    // it was not.
    unsafe { Record::of(*word).unwrap_unchecked() }
}
