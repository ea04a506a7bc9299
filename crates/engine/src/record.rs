//! The expanded form of a shadow word.
//!
//! A record belongs to exactly one granule: the granule's word holds its address, and whoever holds the
//! word's lock owns the record. It is made when bytes of the granule get different histories, at the first
//! atomic access, or when a sync object lives there; it goes when one history is enough again.

use alloc::boxed::Box;
use smallvec::SmallVec;

use crate::clock::SyncClock;
use crate::context::Ctx;
use crate::epoch::Epoch;
use crate::slot::Slot;
use crate::sync::Channel;
use crate::word::{Mask, Reads, Word};

/// Bytes with one history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub mask: Mask,
    pub write: Epoch,
    pub reads: Reads,
    pub write_ctx: Ctx,
    /// Where the read was, if `reads` is one epoch; sets hold their own contexts.
    pub read_ctx: Ctx,
}

impl Segment {
    pub(crate) const EMPTY: Segment = Segment {
        mask: Mask::NONE,
        write: Epoch::NONE,
        reads: Reads::NONE,
        write_ctx: Ctx::UNKNOWN,
        read_ctx: Ctx::UNKNOWN,
    };

    /// The segment that an unexpanded word and its contexts stand for.
    #[inline]
    pub(crate) fn from_word(word: Word, contexts: u64) -> Segment {
        Segment {
            mask: word.mask(),
            write: word.write(),
            reads: word.reads(),
            write_ctx: Ctx(contexts as u32),
            read_ctx: Ctx((contexts >> 32) as u32),
        }
    }

    #[inline]
    pub(crate) fn word(&self) -> Word {
        Word::new(self.mask, self.write, self.reads)
    }

    #[inline]
    pub(crate) fn contexts(&self) -> u64 {
        u64::from(self.write_ctx.0) | u64::from(self.read_ctx.0) << 32
    }

    /// True if both have the same writes and reads, so that one mask can speak for both.
    #[inline]
    pub(crate) fn agrees(&self, other: &Segment) -> bool {
        self.write == other.write && self.reads == other.reads
    }
}

/// An atomic access that later plain accesses of the same bytes must be ordered after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AtomicAccess {
    /// While a thread's entry has these bytes, nobody has written them plainly since.
    pub mask: Mask,
    pub write: bool,
    /// The slot that `epoch` is of.
    pub slot: Slot,
    pub epoch: Epoch,
    pub ctx: Ctx,
}

/// A thread's last plain read of these bytes since they were written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reader {
    /// While a thread's entry has these bytes, nobody has written them plainly since.
    pub mask: Mask,
    /// The slot that `epoch` is of.
    pub slot: Slot,
    pub epoch: Epoch,
    pub ctx: Ctx,
}

/// What an acquire of these bytes (or of this sync object) learns.
#[derive(Debug)]
pub(crate) struct Location {
    pub mask: Mask,
    pub channel: Channel,
    pub clock: SyncClock,
}

/// Everything about one granule. What every atomic operation needs comes first, so that it touches two cache lines.
#[derive(Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Record {
    /// The masks of [`Channel::ATOMIC`] are disjoint.
    pub locations: SmallVec<[Location; 1]>,
    pub atomics: SmallVec<[AtomicAccess; 2]>,
    pub readers: SmallVec<[Reader; 2]>,
    /// Disjoint masks.
    pub segments: SmallVec<[Segment; 2]>,
    /// Plain reads go to `readers` instead of the segments.
    pub lists_readers: bool,
}

impl Record {
    /// The record that the word points to.
    ///
    /// # Safety
    /// The caller holds the lock of the word that `word` was read from, and makes no second reference.
    #[inline]
    pub(crate) unsafe fn of<'a>(word: Word) -> Option<&'a mut Record> {
        // SAFETY: the address in a word comes from Box::into_raw in `into_word`, and the record lives until the
        // word is replaced under the lock that the caller holds; so does the exclusive access.
        word.record_address().map(|address| unsafe { &mut *(address as *mut Record) })
    }

    /// Puts the record at the end of a word.
    pub(crate) fn into_word(self: Box<Self>) -> Word {
        Word::expanded(Box::into_raw(self) as u64)
    }

    /// Frees the record that `word` points to, if it does.
    ///
    /// # Safety
    /// The caller holds the lock of the word and replaces it before giving the lock back.
    pub(crate) unsafe fn free(word: Word) {
        if let Some(address) = word.record_address() {
            // SAFETY: see `of`; the caller vouches that the address is forgotten.
            drop(unsafe { Box::from_raw(address as *mut Record) });
        }
    }

    /// True if nothing is left that a shadow word could not hold.
    pub(crate) fn fits_word(&self) -> bool {
        self.segments.len() <= 1
            && self.atomics.is_empty()
            && self.readers.is_empty()
            && self.locations.is_empty()
    }

    /// True if some of these bytes were read since they were written.
    pub(crate) fn has_reads(&self, mask: Mask) -> bool {
        !self.readers.is_empty() || self.segments.iter().any(|s| s.mask.meets(mask) && !s.reads.is_none())
    }

    /// True if nothing at all is recorded.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.atomics.is_empty() && self.segments.is_empty() && self.fits_word()
    }

    /// The bytes of which accesses are recorded beside the segments.
    pub(crate) fn touched(&self) -> Mask {
        let atomics = self.atomics.iter().fold(Mask::NONE, |m, a| m | a.mask);
        self.readers.iter().fold(atomics, |m, r| m | r.mask)
    }

    /// The bytes that an acquire may learn something from.
    pub(crate) fn clocks(&self) -> Mask {
        self.locations.iter().fold(Mask::NONE, |m, l| m | l.mask)
    }

    /// The atomic locations of which `mask` holds a byte.
    pub(crate) fn sequences(&self, mask: Mask) -> impl Iterator<Item = &Location> {
        self.locations.iter().filter(move |l| l.channel == Channel::ATOMIC && l.mask.meets(mask))
    }

    /// The bytes in `mask` belong to no atomic location any more.
    pub(crate) fn end_sequences(&mut self, mask: Mask) {
        self.locations.retain(|l| {
            if l.channel == Channel::ATOMIC {
                l.mask = l.mask & !mask;
            }
            !l.mask.is_empty()
        });
    }

    /// The bytes in `mask` were written plainly: whoever races with an access that is ordered before the write
    /// races with the write.
    pub(crate) fn forget_accesses(&mut self, mask: Mask) {
        self.atomics.retain(|a| {
            a.mask = a.mask & !mask;
            !a.mask.is_empty()
        });
        self.readers.retain(|r| {
            r.mask = r.mask & !mask;
            !r.mask.is_empty()
        });
    }

    /// The location of a sync object, made if it is not there.
    pub(crate) fn location(&mut self, mask: Mask, channel: Channel) -> &mut Location {
        let at = self.locations.iter().position(|l| l.mask == mask && l.channel == channel);
        let at = at.unwrap_or_else(|| {
            self.locations.push(Location { mask, channel, clock: SyncClock::new() });
            self.locations.len() - 1
        });
        &mut self.locations[at]
    }
}
