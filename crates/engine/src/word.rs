//! The shadow word: what is known of eight bytes of memory, in 64 bits.
//!
//! ```text
//!  63        62      61                              32 31              8 7        0
//! +----------+------+----------------------------------+-----------------+----------+
//! | expanded | lock | reads: an epoch, or a set's      | last write's    | mask     |
//! |    0     |      | number + 2^24; 0 = none          | epoch; 0 = none |          |
//! +----------+------+----------------------------------+-----------------+----------+
//! | expanded | lock | clocks (bits 60, 61), Record's address (bits 8-55) | 0 (mask) |
//! |    1     |      |                                                  |          |
//! +----------+------+--------------------------------------------------+----------+
//! ```
//! The mask says which of the eight bytes the word speaks for: all of them have the same history, and the
//! others have none. The zero word says that nothing was recorded. Bytes with different histories, and
//! everything about atomics, need the expanded form.
//!
//! Fast paths may look at a word without its lock: if the write half (the low 32 bits) or the read part
//! holds the thread's current epoch for all bytes of the access, there is nothing to do, whatever happens to
//! the word at the same time (FastTrack's rules *read same epoch* and *write same epoch*). An expanded
//! word has an empty mask, so it never looks like that.

use core::ops::{BitAnd, BitOr, Not};
use core::sync::atomic::{AtomicU64, Ordering};

use crate::epoch::{EPOCH_BITS, Epoch};
use crate::memory::Memory;
use crate::readset::SetId;

/// A set of the eight bytes of a granule; bit 0 is the byte at the lowest address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Mask(pub u8);

impl Mask {
    /// No byte.
    pub const NONE: Mask = Mask(0);
    /// All eight bytes.
    pub const FULL: Mask = Mask(0xff);

    /// `len` bytes from byte `first` on, as far as they lie in the granule.
    #[inline]
    pub const fn span(first: u32, len: u64) -> Mask {
        let len = if len > 8 { 8 } else { len as u32 };
        Mask((((1u32 << len) - 1) << first) as u8)
    }

    /// True if all bytes of `other` are in this mask.
    #[inline]
    pub const fn contains(self, other: Mask) -> bool {
        other.0 & !self.0 == 0
    }

    /// True if no byte is in it.
    #[inline]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True if some byte is in both.
    #[inline]
    pub const fn meets(self, other: Mask) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitAnd for Mask {
    type Output = Mask;
    #[inline]
    fn bitand(self, other: Mask) -> Mask {
        Mask(self.0 & other.0)
    }
}

impl BitOr for Mask {
    type Output = Mask;
    #[inline]
    fn bitor(self, other: Mask) -> Mask {
        Mask(self.0 | other.0)
    }
}

impl Not for Mask {
    type Output = Mask;
    #[inline]
    fn not(self) -> Mask {
        Mask(!self.0)
    }
}

/// Who read since the last write: nobody, one epoch, or a set of epochs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reads(pub(crate) u32);

impl Reads {
    /// Nobody.
    pub const NONE: Reads = Reads(0);

    /// True if nobody read.
    #[inline]
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The one epoch, unless it is a set or none.
    #[inline]
    pub fn epoch(self) -> Option<Epoch> {
        (self.0 != 0 && self.0 < 1 << EPOCH_BITS).then_some(Epoch(self.0))
    }

    /// The set, if it is one.
    #[inline]
    pub fn set(self) -> Option<SetId> {
        self.0.checked_sub(1 << EPOCH_BITS).map(SetId)
    }
}

impl From<Epoch> for Reads {
    #[inline]
    fn from(epoch: Epoch) -> Self {
        Reads(epoch.0)
    }
}

impl From<SetId> for Reads {
    #[inline]
    fn from(set: SetId) -> Self {
        Reads(set.0 + (1 << EPOCH_BITS))
    }
}

const WRITE_SHIFT: u32 = 8;
const READS_SHIFT: u32 = 32;
const READS_MASK: u64 = (1 << 30) - 1;
const LOCK: u64 = 1 << 62;
const EXPANDED: u64 = 1 << 63;
/// In an expanded word: an acquire of the first four bytes may learn something.
const CLOCKS_LOW: u64 = 1 << 60;
/// The same for the last four.
const CLOCKS_HIGH: u64 = 1 << 61;
const ADDRESS: u64 = ((1 << 48) - 1) << 8;

/// The low 32 bits of a word whose eight bytes were all last written in `epoch`: what the fast path of a
/// write compares with.
#[inline]
pub const fn write_key(epoch: Epoch) -> u32 {
    epoch.0 << WRITE_SHIFT | 0xff
}

/// The high 32 bits of an unlocked word that was last read in `epoch`.
#[inline]
pub const fn read_key(epoch: Epoch) -> u32 {
    epoch.0
}

/// A shadow word's value, without its lock bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Word(u64);

impl Word {
    /// Nothing was recorded.
    pub const EMPTY: Word = Word(0);

    /// A word that speaks for `mask`.
    #[inline]
    pub fn new(mask: Mask, write: Epoch, reads: Reads) -> Word {
        Word(u64::from(mask.0) | u64::from(write.0) << WRITE_SHIFT | u64::from(reads.0) << READS_SHIFT)
    }

    /// The expanded form: the address of a record, which is a multiple of 8 below 2^47.
    pub(crate) fn expanded(address: u64) -> Word {
        debug_assert!(address < 1 << 47);
        Word(EXPANDED | address << 8)
    }

    /// The value that a load of the word in memory gave.
    #[inline]
    pub fn from_bits(bits: u64) -> Word {
        Word(bits & !LOCK)
    }

    /// True if nothing was recorded.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The same word, marked as having clocks in some bytes. The marks stay as long as the record: they may say
    /// too much.
    #[inline]
    pub(crate) fn with_clocks(self, bytes: Mask) -> Word {
        debug_assert!(self.0 & EXPANDED != 0);
        Word(self.0 | Self::clock_bits(bytes))
    }

    /// True if the word in memory has a record, no acquire of these bytes can learn anything from it, and nobody
    /// is changing that: nobody holds its lock.
    #[inline]
    pub(crate) fn is_silent(bits: u64, bytes: Mask) -> bool {
        bits & (EXPANDED | LOCK | Self::clock_bits(bytes)) == EXPANDED
    }

    #[inline]
    fn clock_bits(bytes: Mask) -> u64 {
        let low = if bytes.0 & 0x0f != 0 { CLOCKS_LOW } else { 0 };
        low | if bytes.0 & 0xf0 != 0 { CLOCKS_HIGH } else { 0 }
    }

    /// The address of the record, if the word is expanded.
    #[inline]
    pub(crate) fn record_address(self) -> Option<u64> {
        (self.0 & EXPANDED != 0).then_some((self.0 & ADDRESS) >> 8)
    }

    /// The bytes it speaks for; none if it is expanded.
    #[inline]
    pub fn mask(self) -> Mask {
        Mask(self.0 as u8)
    }

    /// The epoch of the last write; not for expanded words.
    #[inline]
    pub fn write(self) -> Epoch {
        Epoch((self.0 as u32) >> WRITE_SHIFT)
    }

    /// The reads since; not for expanded words.
    #[inline]
    pub fn reads(self) -> Reads {
        Reads((self.0 >> READS_SHIFT & READS_MASK) as u32)
    }

    /// True if the word has no record, and names no other epoch than `epoch`.
    #[inline]
    pub(crate) fn is_mine_alone(self, epoch: Epoch) -> bool {
        let mine = |e: u32| e == 0 || e == epoch.0;
        self.0 & EXPANDED == 0 && mine(self.write().0) && mine(self.reads().0)
    }

    /// True if `epoch` itself has written these bytes last: then neither a read nor a write in it has anything
    /// to add. (Somebody who read in between cannot know of the write, and was found racing with it.)
    #[inline]
    pub fn is_written_in(self, epoch: Epoch, mask: Mask) -> bool {
        self.write() == epoch && self.mask().contains(mask)
    }
}

/// Takes the lock of a word and gives its value.
///
/// The lock is held for tens of instructions and never while anything blocks.
#[inline]
pub(crate) fn lock<M: Memory>(memory: &M, word: &AtomicU64) -> Word {
    let seen = word.load(Ordering::Relaxed);
    if seen & LOCK == 0
        && word.compare_exchange(seen, seen | LOCK, Ordering::Acquire, Ordering::Relaxed).is_ok()
    {
        return Word(seen);
    }
    lock_contended(memory, word)
}

/// As [`lock`], for the only thread there is: the lock need not be seen by anybody.
#[inline]
pub(crate) fn take_alone(word: &AtomicU64) -> Word {
    Word(word.load(Ordering::Relaxed))
}

#[cold]
fn lock_contended<M: Memory>(memory: &M, word: &AtomicU64) -> Word {
    let mut spins = 0;
    loop {
        let seen = word.load(Ordering::Relaxed);
        if seen & LOCK == 0
            && word.compare_exchange_weak(seen, seen | LOCK, Ordering::Acquire, Ordering::Relaxed).is_ok()
        {
            return Word(seen);
        }
        memory.relax(spins);
        spins += 1;
    }
}

/// Stores the new value and gives the lock back.
#[inline]
pub(crate) fn unlock(word: &AtomicU64, value: Word) {
    word.store(value.0, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_as_they_went_in() {
        let w = Word::new(Mask(0x3c), Epoch(0xabcdef), Reads(0x2123_4567));
        assert_eq!((w.mask(), w.write(), w.reads()), (Mask(0x3c), Epoch(0xabcdef), Reads(0x2123_4567)));
        assert_eq!(w.record_address(), None);
        let e = Word::expanded(0x7fff_1234_5678);
        assert_eq!((e.record_address(), e.mask()), (Some(0x7fff_1234_5678), Mask::NONE));
    }

    #[test]
    fn keys_match_the_layout() {
        let w = Word::new(Mask::FULL, Epoch(77), Reads::from(Epoch(99)));
        assert_eq!(w.0 as u32, write_key(Epoch(77)));
        assert_eq!((w.0 >> 32) as u32, read_key(Epoch(99)));
    }

    #[test]
    fn spans_stop_at_the_end_of_the_granule() {
        assert_eq!(Mask::span(0, 8), Mask::FULL);
        assert_eq!(Mask::span(6, 4), Mask(0xc0));
        assert_eq!(Mask::span(1, 1), Mask(0x02));
        assert_eq!(Mask::span(3, 1000), Mask(0xf8));
    }
}
