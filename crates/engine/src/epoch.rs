//! Epochs: the 24-bit name of "slot s at time t" that fits into a shadow word.
//!
//! FastTrack writes an epoch as `t@s`. Slot and time together would need far more bits than a shadow word
//! has, so epochs are numbers, dealt out in blocks of 64: a block belongs to one slot, and its epochs stand
//! for consecutive times of that slot. One load turns a number into slot and time. A slot that is used a
//! lot gets many blocks, a thread that lives shortly takes part of one; neither the number of threads nor
//! the length of a thread's life has a limit of its own. Blocks that no shadow word names are taken back by
//! [`crate::collect`].

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use spin::Mutex;

use crate::clock::Time;
use crate::slot::Slot;

/// Bits of an epoch's number.
pub const EPOCH_BITS: u32 = 24;
const BLOCK_BITS: u32 = 6;
const BLOCK_LEN: u32 = 1 << BLOCK_BITS;
const BLOCKS: usize = 1 << (EPOCH_BITS - BLOCK_BITS);

/// The number of an epoch. [`Epoch::NONE`] (0) is never dealt out: it stands for "no access".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Epoch(pub(crate) u32);

impl Epoch {
    /// No access at all.
    pub const NONE: Epoch = Epoch(0);

    /// The number, for storing it outside of a shadow word.
    pub fn to_bits(self) -> u32 {
        self.0
    }

    /// The inverse of [`Epoch::to_bits`].
    pub fn from_bits(bits: u32) -> Self {
        Epoch(bits & ((1 << EPOCH_BITS) - 1))
    }

    /// True for [`Epoch::NONE`].
    #[inline]
    pub fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The next epoch of the same block, if there is one; [`Epoch::NONE`] has none.
    #[inline]
    pub(crate) fn next_in_block(self) -> Option<Epoch> {
        let next = self.0 + 1;
        (next & (BLOCK_LEN - 1) != 0 && !self.is_none()).then_some(Epoch(next))
    }

    fn block(self) -> usize {
        (self.0 >> BLOCK_BITS) as usize
    }
}

/// Which slot and times each block stands for.
#[derive(Debug)]
pub struct EpochTable {
    /// `slot << 32 | time of the block's first epoch`, for each block that is dealt out.
    blocks: Box<[AtomicU64]>,
    free: Mutex<FreeBlocks>,
    /// Blocks that can still be dealt out, so that a collection can be asked for in time.
    left: AtomicU32,
}

#[derive(Debug)]
struct FreeBlocks {
    /// Blocks from here on were never dealt out. Block 0 holds [`Epoch::NONE`] and never is.
    fresh: usize,
    returned: Vec<u32>,
}

impl EpochTable {
    /// A table with all blocks free.
    pub fn new() -> Self {
        let blocks = vec![0u64; BLOCKS].into_boxed_slice();
        // The standard library has no constructor for a zeroed slice of atomics that skips touching it.
        // SAFETY: AtomicU64 has the same size, alignment and bit validity as u64.
        let blocks = unsafe { Box::from_raw(Box::into_raw(blocks) as *mut [AtomicU64]) };
        EpochTable {
            blocks,
            free: Mutex::new(FreeBlocks { fresh: 1, returned: Vec::new() }),
            left: AtomicU32::new(BLOCKS as u32 - 1),
        }
    }

    /// The slot and time that `epoch` names.
    #[inline]
    pub fn resolve(&self, epoch: Epoch) -> (Slot, Time) {
        let block = self.blocks[epoch.block() & (BLOCKS - 1)].load(Ordering::Relaxed);
        (Slot::new((block >> 32) as usize), (block as u32).wrapping_add(epoch.0 & (BLOCK_LEN - 1)))
    }

    /// The first epoch of a block that is `slot`'s from `time` on; `None` if all blocks are dealt out.
    #[cold]
    pub(crate) fn deal(&self, slot: Slot, time: Time) -> Option<Epoch> {
        let mut free = self.free.lock();
        let block = match free.returned.pop() {
            Some(b) => b as usize,
            None if free.fresh < BLOCKS => {
                free.fresh += 1;
                free.fresh - 1
            }
            None => return None,
        };
        self.left.fetch_sub(1, Ordering::Relaxed);
        self.blocks[block].store((slot.index() as u64) << 32 | u64::from(time), Ordering::Relaxed);
        Some(Epoch((block as u32) << BLOCK_BITS))
    }

    /// The share of blocks that can still be dealt out, in percent.
    pub fn percent_left(&self) -> u32 {
        (u64::from(self.left.load(Ordering::Relaxed)) * 100 / BLOCKS as u64) as u32
    }

    /// A set of blocks, to be filled by a collection.
    pub(crate) fn marks(&self) -> BlockMarks {
        BlockMarks(vec![0; BLOCKS / 64])
    }

    /// Takes back every block that was dealt out and is not marked.
    pub(crate) fn sweep(&self, marks: &BlockMarks) {
        let mut free = self.free.lock();
        let fresh = free.fresh;
        free.returned.clear();
        free.returned.extend((1..fresh).filter(|&b| !marks.has(b)).map(|b| b as u32));
        let left = free.returned.len() + BLOCKS - fresh;
        self.left.store(left as u32, Ordering::Relaxed);
    }
}

impl Default for EpochTable {
    fn default() -> Self {
        Self::new()
    }
}

/// The blocks that a collection found in use.
pub(crate) struct BlockMarks(Vec<u64>);

impl BlockMarks {
    pub(crate) fn mark(&mut self, epoch: Epoch) {
        let b = epoch.block();
        self.0[b / 64] |= 1 << (b % 64);
    }

    fn has(&self, block: usize) -> bool {
        self.0[block / 64] & 1 << (block % 64) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_of_a_block_are_consecutive_times() {
        let table = EpochTable::new();
        let first = table.deal(Slot::new(7), 100).unwrap();
        let mut e = first;
        for time in 100..164 {
            assert_eq!(table.resolve(e), (Slot::new(7), time));
            match e.next_in_block() {
                Some(next) => e = next,
                None => assert_eq!(time, 163),
            }
        }
    }

    #[test]
    fn unmarked_blocks_come_back() {
        let table = EpochTable::new();
        let kept = table.deal(Slot::new(1), 1).unwrap();
        let gone = table.deal(Slot::new(2), 1).unwrap();
        let mut marks = table.marks();
        marks.mark(kept);
        table.sweep(&marks);
        assert_eq!(table.deal(Slot::new(3), 5), Some(gone));
        assert_eq!(table.resolve(kept), (Slot::new(1), 1));
    }

    #[test]
    fn running_out_is_an_answer() {
        let table = EpochTable::new();
        let dealt = core::iter::from_fn(|| table.deal(Slot::new(0), 1)).count();
        assert_eq!(dealt, BLOCKS - 1);
        assert_eq!(table.percent_left(), 0);
    }
}
