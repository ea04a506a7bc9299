//! Plain accesses: FastTrack's rules, for bytes of a granule.
//!
//! | rule (FastTrack's name) | state before | what happens |
//! |---|---|---|
//! | read same epoch | I read or wrote it in this epoch | nothing |
//! | read exclusive | all earlier reads are ordered before me | the read state becomes my epoch |
//! | read share, read shared | some earlier reads are not | a set of those and me |
//! | write same epoch | I wrote it in this epoch, nobody read since | nothing |
//! | write exclusive, write shared | — | the write state becomes my epoch, the read state is empty |
//!
//! A read must be ordered after the last write, a write after the last write and all reads since; both also
//! after conflicting atomic accesses. Where a byte has no history, its block's origin stands in.

use alloc::boxed::Box;
use core::sync::atomic::{AtomicU64, Ordering};

use smallvec::SmallVec;

use crate::collect::LOOK_EVERY_SETS;
use crate::context::{Ctx, Place};
use crate::engine::{Access, Engine};
use crate::epoch::Epoch;
use crate::memory::{Granule, Memory, OriginKind};
use crate::race::{AccessKind, Side};
use crate::readset::Read;
use crate::record::{Reader, Record, Segment};
use crate::thread::{Growth, Thread};
use crate::word::{self, Mask, Reads, Word};

/// After so many sets of readers in a row that no other granule had, readers are listed apart.
const MANY_NEW_SETS: u32 = 8;

impl<M: Memory> Engine<M> {
    /// A plain read of `size` bytes at `address`, any size and alignment.
    #[inline]
    pub fn read(&self, thread: &mut Thread, address: u64, size: u64, place: impl Place) {
        self.range(thread, address, size, AccessKind::Read, place);
    }

    /// A plain write of `size` bytes at `address`, any size and alignment.
    #[inline]
    pub fn write(&self, thread: &mut Thread, address: u64, size: u64, place: impl Place) {
        self.range(thread, address, size, AccessKind::Write, place);
    }

    /// True if this read needs no further look: the thread read or wrote all these bytes in its current epoch.
    #[inline]
    pub fn read_is_known(&self, thread: &Thread, granule: Granule, mask: Mask) -> bool {
        let word = Word::from_bits(self.memory.word(granule).load(Ordering::Relaxed));
        word.mask().contains(mask)
            && (word.write() == thread.epoch
                || word.reads() == Reads::from(thread.epoch)
                || word.reads().set().is_some_and(|set| thread.holds_me(set)))
    }

    /// True if this write needs no further look.
    #[inline]
    pub fn write_is_known(&self, thread: &Thread, granule: Granule, mask: Mask) -> bool {
        let word = Word::from_bits(self.memory.word(granule).load(Ordering::Relaxed));
        word.is_written_in(thread.epoch, mask)
    }

    #[inline]
    fn range(&self, thread: &mut Thread, address: u64, size: u64, kind: AccessKind, place: impl Place) {
        let (granule, first) = (Granule::of(address), (address & 7) as u32);
        if u64::from(first) + size > 8 {
            return self.granules(thread, address, size, kind, place);
        }
        let mask = Mask::span(first, size);
        if !self.is_known(thread, granule, mask, kind) {
            let ctx = place.context(&self.contexts, &mut thread.contexts);
            let mut access = Access { address, size, kind, ctx, origin_known: Granule(0) };
            self.granule(thread, granule, mask, &mut access);
        }
    }

    #[inline]
    fn is_known(&self, thread: &Thread, granule: Granule, mask: Mask, kind: AccessKind) -> bool {
        match kind {
            AccessKind::Read => self.read_is_known(thread, granule, mask),
            _ => self.write_is_known(thread, granule, mask),
        }
    }

    /// An access that does not lie in one granule.
    #[inline(never)]
    fn granules(&self, thread: &mut Thread, address: u64, size: u64, kind: AccessKind, place: impl Place) {
        let (mut granule, mut left) = (Granule::of(address), size);
        let mut first = (address & 7) as u32;
        let mut access = None;
        while left > 0 {
            let mask = Mask::span(first, left);
            if !self.is_known(thread, granule, mask, kind) {
                let access = access.get_or_insert_with(|| {
                    let ctx = place.context(&self.contexts, &mut thread.contexts);
                    Access { address, size, kind, ctx, origin_known: Granule(0) }
                });
                self.granule(thread, granule, mask, access);
            }
            left -= u64::from(mask.0.count_ones());
            granule = granule.next();
            first = 0;
        }
    }

    /// The access as far as it lies in one granule.
    pub(crate) fn granule(&self, thread: &mut Thread, granule: Granule, mask: Mask, access: &mut Access) {
        thread.stamped = true;
        let cell = self.memory.word(granule);
        let word = self.lock(cell);
        if word.record_address().is_some() {
            return self.expanded(thread, granule, mask, access, cell, word);
        }
        if word.is_empty() {
            // Nothing was recorded: the usual case of memory that was allocated just now.
            if !self.check_origin(thread, granule, mask, access) {
                return word::unlock(cell, word);
            }
            let new = Segment { mask, ..self.fresh(thread, access) };
            self.contexts_for(granule).store(new.contexts(), Ordering::Relaxed);
            return word::unlock(cell, new.word());
        }
        let contexts = self.memory.contexts(granule);
        let old = Segment::from_word(word, contexts.load(Ordering::Relaxed));
        if old.mask == mask && self.is_over(thread, &old) {
            // The usual case of memory that is in use: all that is recorded is ordered before this access.
            let me = thread.epoch;
            let new = match access.kind {
                AccessKind::Read if old.write == me || old.reads == me.into() => old,
                AccessKind::Read => Segment { reads: me.into(), read_ctx: access.ctx, ..old },
                _ => Segment { mask, ..self.fresh(thread, access) },
            };
            contexts.store(new.contexts(), Ordering::Relaxed);
            return word::unlock(cell, new.word());
        }
        if access.kind == AccessKind::Read && self.keeps_readers_apart(thread, &old) {
            let record = Box::new(self.with_readers(old));
            return self.expanded(thread, granule, mask, access, cell, record.into_word());
        }
        let fresh = mask & !old.mask;
        if !fresh.is_empty() && !self.check_origin(thread, granule, fresh, access) {
            return word::unlock(cell, word);
        }
        let seen = Segment { mask: old.mask & mask, ..old };
        let new = if seen.mask.is_empty() {
            self.step(thread, granule, Segment { mask: seen.mask, ..Segment::EMPTY }, access)
        } else {
            self.step(thread, granule, seen, access)
        };
        let first = self.fresh(thread, access);
        // All of the word's bytes now have the new history: the usual case. (The contexts are compared as well:
        // a repeated read keeps that of the first, which was not at the fresh bytes.)
        if mask.contains(old.mask) && (fresh.is_empty() || new == Segment { mask: new.mask, ..first }) {
            let new = Segment { mask, ..new };
            contexts.store(new.contexts(), Ordering::Relaxed);
            return word::unlock(cell, new.word());
        }
        let mut pieces: SmallVec<[Segment; 2]> = SmallVec::new();
        self.add_piece(thread, &mut pieces, Segment { mask: old.mask & !mask, ..old });
        self.add_piece(thread, &mut pieces, new);
        self.add_piece(thread, &mut pieces, Segment { mask: fresh, ..first });
        if let [only] = pieces[..] {
            contexts.store(only.contexts(), Ordering::Relaxed);
            return word::unlock(cell, only.word());
        }
        let record = Record { segments: pieces, ..Record::default() };
        word::unlock(cell, Box::new(record).into_word());
    }

    /// True if the segment names no set of readers, and no epoch that is not ordered before what the thread does now.
    #[inline]
    fn is_over(&self, thread: &Thread, old: &Segment) -> bool {
        let is_over = |e: Epoch| e.is_none() || e == thread.epoch || self.ordered(thread, e);
        is_over(old.write) && (old.reads.is_none() || old.reads.epoch().is_some_and(is_over))
    }

    /// The same for a granule with a record.
    fn expanded(
        &self,
        thread: &mut Thread,
        granule: Granule,
        mask: Mask,
        access: &mut Access,
        cell: &AtomicU64,
        word: Word,
    ) {
        // SAFETY: the lock of `cell` is held, and this is the only reference made under it.
        let Some(record) = (unsafe { Record::of(word) }) else { return word::unlock(cell, word) };
        self.check_atomics(thread, granule, mask, access, record);
        if access.kind == AccessKind::Read {
            if !record.lists_readers && self.keeps_segments_readers_apart(thread, record, mask) {
                self.list_readers(record);
            }
            if record.lists_readers {
                self.read_listed(thread, granule, mask, access, record);
                return word::unlock(cell, word);
            }
        }
        self.check_readers(thread, granule, mask, access, record);
        let is_cut = |s: &Segment| s.mask.meets(mask) && !mask.contains(s.mask);
        let fresh = record.segments.iter().fold(mask, |fresh, s| fresh & !s.mask);
        if fresh.is_empty() && !record.segments.iter().any(is_cut) {
            for segment in record.segments.iter_mut().filter(|s| s.mask.meets(mask)) {
                *segment = self.step(thread, granule, *segment, access);
            }
            self.unite(thread, &mut record.segments);
        } else {
            self.step_pieces(thread, granule, mask, fresh, access, record);
        }
        if access.kind == AccessKind::Write {
            record.forget_accesses(mask);
            record.end_sequences(mask);
        }
        if record.fits_word() {
            let only = record.segments.first().copied().unwrap_or(Segment::EMPTY);
            self.memory.contexts(granule).store(only.contexts(), Ordering::Relaxed);
            // SAFETY: the lock is held, and the word that points to the record is replaced in the next line.
            unsafe { Record::free(word) };
            return word::unlock(cell, only.word());
        }
        word::unlock(cell, word);
    }

    /// An access that cuts segments, or touches bytes that are in none.
    #[inline(never)]
    fn step_pieces(
        &self,
        thread: &mut Thread,
        granule: Granule,
        mask: Mask,
        fresh: Mask,
        access: &mut Access,
        record: &mut Record,
    ) {
        let mut pieces: SmallVec<[Segment; 2]> = SmallVec::new();
        for old in core::mem::take(&mut record.segments) {
            self.add_piece(thread, &mut pieces, Segment { mask: old.mask & !mask, ..old });
            let seen = Segment { mask: old.mask & mask, ..old };
            if !seen.mask.is_empty() {
                let new = self.step(thread, granule, seen, access);
                self.add_piece(thread, &mut pieces, new);
            }
        }
        // A read may be unordered with all who touched the bytes before without racing with them; whoever writes has
        // been checked against them, and they against the allocation.
        let unknown = if access.kind == AccessKind::Read { fresh } else { fresh & !record.touched() };
        if unknown.is_empty() || self.check_origin(thread, granule, unknown, access) {
            self.add_piece(thread, &mut pieces, Segment { mask: fresh, ..self.fresh(thread, access) });
        }
        record.segments = pieces;
    }

    /// True if the readers of these bytes are better kept in a list of their own than in a set: sets pay where
    /// many granules have the same readers, and cost where each read makes a new one, as behind a reader-writer
    /// lock.
    #[inline]
    fn keeps_readers_apart(&self, thread: &Thread, old: &Segment) -> bool {
        thread.new_sets >= MANY_NEW_SETS
            && old.write != thread.epoch
            && (old.reads.set().is_some()
                || old.reads.epoch().is_some_and(|e| e != thread.epoch && !self.ordered(thread, e)))
    }

    /// The same for bytes with several histories, which a read would have to add itself to one by one.
    fn keeps_segments_readers_apart(&self, thread: &Thread, record: &Record, mask: Mask) -> bool {
        thread.new_sets >= MANY_NEW_SETS
            && record.segments.iter().any(|s| s.mask.meets(mask) && self.keeps_readers_apart(thread, s))
    }

    /// The record that says the same as `old`, with a list of readers.
    #[cold]
    fn with_readers(&self, old: Segment) -> Record {
        let mut record = Record::default();
        record.segments.push(old);
        self.list_readers(&mut record);
        record
    }

    /// The record's reads go from the segments to the list.
    #[cold]
    fn list_readers(&self, record: &mut Record) {
        let Record { segments, readers, .. } = record;
        for old in segments {
            let mut list = |epoch: Epoch, ctx: Ctx| {
                let (slot, _) = self.epochs.resolve(epoch);
                readers.push(Reader { mask: old.mask, slot, epoch, ctx });
            };
            if let Some(epoch) = old.reads.epoch() {
                list(epoch, old.read_ctx);
            } else if let Some(set) = old.reads.set() {
                self.sets.members(set).iter().for_each(|r| list(r.epoch, r.ctx));
            }
            (old.reads, old.read_ctx) = (Reads::NONE, Ctx::UNKNOWN);
        }
        record.lists_readers = true;
    }

    /// A read of a granule whose record lists readers.
    fn read_listed(
        &self,
        thread: &mut Thread,
        granule: Granule,
        mask: Mask,
        access: &mut Access,
        record: &mut Record,
    ) {
        let me = thread.epoch;
        // The bytes were not written since this thread's last read of them, which was checked against the write
        // before it.
        let is_mine = |r: &Reader| r.slot == thread.slot && r.mask == mask;
        if let Some(at) = record.readers.iter().position(is_mine) {
            // Who reads again is found at once, however many there are.
            record.readers.swap(0, at);
            let mine = &mut record.readers[0];
            if mine.epoch != me {
                (mine.epoch, mine.ctx) = (me, access.ctx);
            }
            return;
        }
        let mut unwritten = mask;
        for old in record.segments.iter().filter(|s| !s.write.is_none()) {
            let both = old.mask & mask;
            unwritten = unwritten & !old.mask;
            if !both.is_empty() && old.write != me && !self.ordered(thread, old.write) {
                self.race_with(thread, granule, both, access, AccessKind::Write, old.write, old.write_ctx);
            }
        }
        if !unwritten.is_empty() && !self.check_origin(thread, granule, unwritten, access) {
            return;
        }
        record
            .readers
            .retain(|r| !(mask.contains(r.mask) && (r.epoch == me || self.ordered(thread, r.epoch))));
        record.readers.push(Reader { mask, slot: thread.slot, epoch: me, ctx: access.ctx });
        let last = record.readers.len() - 1;
        record.readers.swap(0, last);
    }

    /// A write must be ordered after the reads in the list as well.
    #[inline]
    pub(crate) fn check_readers(
        &self,
        thread: &mut Thread,
        granule: Granule,
        mask: Mask,
        access: &Access,
        record: &Record,
    ) {
        if matches!(access.kind, AccessKind::Read | AccessKind::AtomicRead) {
            return;
        }
        for r in &record.readers {
            if r.mask.meets(mask) && r.epoch != thread.epoch && !self.ordered(thread, r.epoch) {
                self.race_with(thread, granule, r.mask & mask, access, AccessKind::Read, r.epoch, r.ctx);
            }
        }
    }

    /// The history that bytes without one get from this access.
    fn fresh(&self, thread: &Thread, access: &Access) -> Segment {
        match access.kind {
            AccessKind::Read => {
                Segment { reads: thread.epoch.into(), read_ctx: access.ctx, ..Segment::EMPTY }
            }
            _ => Segment { write: thread.epoch, write_ctx: access.ctx, ..Segment::EMPTY },
        }
    }

    /// Adds a piece, or lets the piece that has the same history speak for its bytes too.
    fn add_piece(&self, thread: &mut Thread, pieces: &mut SmallVec<[Segment; 2]>, piece: Segment) {
        if piece.mask.is_empty() {
            return;
        }
        match pieces.iter_mut().find(|s| s.agrees(&piece)) {
            Some(same) => self.speak_for(thread, same, piece),
            None => pieces.push(piece),
        }
    }

    /// Of segments with the same history, one speaks for the bytes of all.
    #[inline]
    fn unite(&self, thread: &mut Thread, segments: &mut SmallVec<[Segment; 2]>) {
        let mut next = 1;
        while let Some(&piece) = segments.get(next) {
            match segments[..next].iter_mut().find(|s| s.agrees(&piece)) {
                Some(same) => {
                    self.speak_for(thread, same, piece);
                    segments.swap_remove(next);
                }
                None => next += 1,
            }
        }
    }

    /// `same` speaks for the bytes of `piece`, which has the same history, as well.
    fn speak_for(&self, thread: &mut Thread, same: &mut Segment, piece: Segment) {
        let overlay = |cache: &mut _, old, new| self.contexts.overlay(cache, old, same.mask, piece.mask, new);
        if !piece.write.is_none() {
            same.write_ctx = overlay(&mut thread.contexts, same.write_ctx, piece.write_ctx);
        }
        if piece.reads.epoch().is_some() {
            same.read_ctx = overlay(&mut thread.contexts, same.read_ctx, piece.read_ctx);
        }
        same.mask = same.mask | piece.mask;
    }

    /// Checks the access against one history and gives the history that follows.
    #[inline]
    fn step(&self, thread: &mut Thread, granule: Granule, old: Segment, access: &mut Access) -> Segment {
        if old.mask.is_empty() {
            return Segment { mask: old.mask, ..self.fresh(thread, access) };
        }
        let me = thread.epoch;
        if !old.write.is_none() && old.write != me && !self.ordered(thread, old.write) {
            self.race_with(thread, granule, old.mask, access, AccessKind::Write, old.write, old.write_ctx);
        }
        if access.kind == AccessKind::Read {
            // A write by myself in this epoch says all that this read would say.
            if old.write == me {
                return old;
            }
            return self.step_read(thread, granule, old, access);
        }
        self.check_reads(thread, granule, old, access);
        Segment { write: me, reads: Reads::NONE, write_ctx: access.ctx, read_ctx: Ctx::UNKNOWN, ..old }
    }

    #[inline]
    fn step_read(&self, thread: &mut Thread, granule: Granule, old: Segment, access: &mut Access) -> Segment {
        let (me, ctx) = (thread.epoch, access.ctx);
        if old.reads.is_none() {
            return Segment { reads: me.into(), read_ctx: ctx, ..old };
        }
        if let Some(epoch) = old.reads.epoch() {
            if epoch == me {
                return old;
            }
            if self.ordered(thread, epoch) {
                return Segment { reads: me.into(), read_ctx: ctx, ..old };
            }
        }
        // Nobody wrote the bytes, and those who read them need not be ordered before this thread; the allocation
        // must be.
        if old.write.is_none() && !self.check_origin(thread, granule, old.mask, access) {
            return old;
        }
        self.share(thread, old, ctx)
    }

    /// *Read share* and *read shared*: several readers, not ordered with each other.
    fn share(&self, thread: &mut Thread, old: Segment, ctx: Ctx) -> Segment {
        let me = thread.epoch;
        let from_ctx = if old.reads.set().is_some() { Ctx::UNKNOWN } else { old.read_ctx };
        let known = *thread.growth(old.reads.0, from_ctx, ctx);
        if known.from == old.reads.0 && known.from_ctx == from_ctx && known.epoch == me && known.ctx == ctx {
            thread.new_sets = 0;
            let to = Reads(known.to);
            if let Some(set) = to.set() {
                thread.remember_set(set);
            }
            return Segment { reads: to, read_ctx: ctx, ..old };
        }
        let mut readers: SmallVec<[Read; 8]> = SmallVec::new();
        match (old.reads.epoch(), old.reads.set()) {
            (Some(epoch), _) => readers.push(Read { epoch, ctx: old.read_ctx }),
            (_, Some(set)) => {
                let members = self.sets.members(set);
                if members.iter().any(|r| r.epoch == me) {
                    thread.remember_set(set);
                    return old;
                }
                readers.extend(members.iter().copied().filter(|r| !self.ordered(thread, r.epoch)));
            }
            (None, None) => {}
        }
        readers.push(Read { epoch: me, ctx });
        thread.new_sets += 1;
        let to = match readers.len() {
            1 => Reads::from(me),
            _ => match self.sets.intern(&mut readers) {
                Some(set) => {
                    if set.0 % LOOK_EVERY_SETS == LOOK_EVERY_SETS - 1 {
                        self.want_collection();
                    }
                    thread.remember_set(set);
                    set.into()
                }
                None => {
                    self.count_lost_set();
                    old.reads
                }
            },
        };
        *thread.growth(old.reads.0, from_ctx, ctx) =
            Growth { from: old.reads.0, from_ctx, epoch: me, ctx, to: to.0 };
        Segment { reads: to, read_ctx: ctx, ..old }
    }

    /// A write (plain or atomic) must be ordered after all reads since the last write.
    #[inline]
    pub(crate) fn check_reads(&self, thread: &mut Thread, granule: Granule, old: Segment, access: &Access) {
        let me = thread.epoch;
        if let Some(epoch) = old.reads.epoch() {
            if epoch != me && !self.ordered(thread, epoch) {
                self.race_with(thread, granule, old.mask, access, AccessKind::Read, epoch, old.read_ctx);
            }
        } else if let Some(set) = old.reads.set() {
            for read in self.sets.members(set) {
                if read.epoch != me && !self.ordered(thread, read.epoch) {
                    self.race_with(thread, granule, old.mask, access, AccessKind::Read, read.epoch, read.ctx);
                }
            }
        }
    }

    /// Plain accesses must be ordered after conflicting atomic ones.
    #[inline]
    fn check_atomics(
        &self,
        thread: &mut Thread,
        granule: Granule,
        mask: Mask,
        access: &Access,
        record: &Record,
    ) {
        for a in &record.atomics {
            let conflicts = a.mask.meets(mask) && (a.write || access.kind != AccessKind::Read);
            if conflicts && a.epoch != thread.epoch && !self.ordered(thread, a.epoch) {
                // Its thread may still be in that epoch, and remember the access, which a write makes forgotten.
                self.count_reset();
                let kind = if a.write { AccessKind::AtomicWrite } else { AccessKind::AtomicRead };
                self.race_with(thread, granule, a.mask & mask, access, kind, a.epoch, a.ctx);
            }
        }
    }

    /// Bytes without a history must belong to a block that is in use and whose allocation is ordered before
    /// the access. False if they were freed: then the access is not recorded, so that it does not follow the
    /// bytes into the next block.
    #[inline]
    pub(crate) fn check_origin(
        &self,
        thread: &mut Thread,
        granule: Granule,
        mask: Mask,
        access: &mut Access,
    ) -> bool {
        granule < access.origin_known || self.ask_origin(thread, granule, mask, access)
    }

    #[inline(never)]
    fn ask_origin(&self, thread: &mut Thread, granule: Granule, mask: Mask, access: &mut Access) -> bool {
        let Some(origin) = self.memory.origin(granule) else { return true };
        let unordered =
            !origin.epoch.is_none() && origin.epoch != thread.epoch && !self.ordered(thread, origin.epoch);
        let kind = match origin.kind {
            OriginKind::Allocated => AccessKind::Alloc,
            OriginKind::Freed => AccessKind::Free,
            OriginKind::ThreadEnded => AccessKind::ThreadEnd,
        };
        if unordered || origin.kind == OriginKind::Freed {
            let previous = self.previous(granule, mask, kind, origin.epoch, origin.ctx);
            self.found(thread, access.side(thread), previous, unordered);
        } else if origin.kind == OriginKind::Allocated {
            access.origin_known = origin.until;
        }
        origin.kind == OriginKind::Allocated
    }

    #[cold]
    #[expect(clippy::too_many_arguments, reason = "both sides of a race, as they are at hand")]
    pub(crate) fn race_with(
        &self,
        thread: &mut Thread,
        granule: Granule,
        mask: Mask,
        access: &Access,
        kind: AccessKind,
        epoch: Epoch,
        ctx: Ctx,
    ) {
        let previous = self.previous(granule, mask, kind, epoch, ctx);
        self.found(thread, access.side(thread), previous, true);
    }

    fn previous(&self, granule: Granule, mask: Mask, kind: AccessKind, epoch: Epoch, ctx: Ctx) -> Side {
        // Bytes with one history may have been touched at several places: those of the first byte's are meant.
        let at = |b| self.contexts.of_byte(ctx, b);
        let first = Mask(mask.0 & mask.0.wrapping_neg());
        let bytes = (mask.0.trailing_zeros()..8).map(|b| Mask(1 << b));
        let touched = bytes.take_while(|b| mask.meets(*b) && at(*b) == at(first)).count();
        let kind = if self.contexts.is_thread_end(at(first)) { AccessKind::ThreadEnd } else { kind };
        Side {
            kind,
            address: granule.address() + u64::from(mask.0.trailing_zeros()),
            size: touched as u64,
            thread: None,
            epoch,
            ctx: at(first),
        }
    }
}
