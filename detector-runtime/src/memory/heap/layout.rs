//! Where blocks lie: the arithmetic between addresses, classes and block numbers.

use crate::memory::size_class::SizeLadder;
use crate::sys::memory::PAGE_SIZE;

/// First address of the heap; its size classes start here.
pub const HEAP_START: usize = 0x0800_0000_0000;
/// First address of large blocks.
pub const LARGE_START: usize = 0x0C00_0000_0000;
/// End of the heap.
pub const HEAP_END: usize = 0x1000_0000_0000;

/// Address space of one size class.
const CLASS_SPACE_LOG2: u32 = 36;
const CLASS_SPACE: usize = 1 << CLASS_SPACE_LOG2;

/// The largest block of a size class.
pub const SMALL_MAX: usize = 256 * 1024;

/// Up to this alignment a block comes from a size class: class starts are aligned to much more, and block sizes
/// of a multiple of the alignment keep it.
pub(super) const ALIGN_MAX: usize = PAGE_SIZE;

/// Four steps per doubling from 16 bytes on: at most 20 % of a block is waste.
pub(super) const LADDER: SizeLadder = SizeLadder::new(4, 2);

pub(super) const CLASSES: usize = LADDER.class_of(SMALL_MAX) + 1;
const _: () = assert!(HEAP_START + CLASSES * CLASS_SPACE <= LARGE_START);

/// Most blocks of one class that a thread's cache holds.
const CACHE_SLOTS_MAX: usize = 64;
/// Most bytes of one class that a thread's cache holds …
const CACHE_BYTES_MAX: usize = 8 * 1024;
/// … except that one block is allowed up to this size; larger ones go straight to the shared list.
const CACHE_BLOCK_MAX: usize = 32 * 1024;

/// All about a class that does not change.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClassInfo {
    /// Size of a block.
    pub size: u32,
    /// Number of blocks that the class has room for.
    pub blocks: u32,
    /// `2^64 / size`, rounded up.
    reciprocal: u64,
    /// Where the metadata of block 0 are, from the start of the metadata.
    pub meta_offset: usize,
    /// Where the numbers of free blocks are, from the start of the metadata.
    pub free_offset: usize,
    /// First slot of the class in a thread's cache.
    pub cache_slot: u16,
    /// Number of its slots there; may be 0.
    pub cache_slots: u16,
}

impl ClassInfo {
    /// The number of the block that holds the byte at `offset` from the start of the class.
    #[inline(always)]
    pub fn block_at(&self, offset: usize) -> u32 {
        // reciprocal · size exceeds 2^64 by less than `size` ≤ 2^18, so the quotient comes out too large by less
        // than offset · 2^18 / (size · 2^64) < 1 / size: never enough to reach the next block.
        ((offset as u128 * self.reciprocal as u128) >> 64) as u32
    }
}

const fn cache_slots(size: usize) -> usize {
    let fitting = CACHE_BYTES_MAX / size;
    if size > CACHE_BLOCK_MAX {
        0
    } else if fitting > CACHE_SLOTS_MAX {
        CACHE_SLOTS_MAX
    } else if fitting == 0 {
        1
    } else {
        fitting
    }
}

/// The classes, and where the next one's metadata and cache slots would start.
const fn lay_out() -> ([ClassInfo; CLASSES], usize, usize) {
    let nothing = ClassInfo {
        size: 0,
        blocks: 0,
        reciprocal: 0,
        meta_offset: 0,
        free_offset: 0,
        cache_slot: 0,
        cache_slots: 0,
    };
    let mut classes = [nothing; CLASSES];
    let mut offset = 0;
    let mut slot = 0;
    let mut class = 0;
    while class < CLASSES {
        let size = LADDER.size_of(class);
        let room = CLASS_SPACE / size;
        let blocks = if room > u32::MAX as usize { u32::MAX as usize } else { room };
        let meta_offset = offset;
        offset += (blocks * size_of::<super::BlockMeta>()).next_multiple_of(PAGE_SIZE);
        let free_offset = offset;
        offset += (blocks * size_of::<u32>()).next_multiple_of(PAGE_SIZE);
        classes[class] = ClassInfo {
            size: size as u32,
            blocks: blocks as u32,
            reciprocal: (u64::MAX / size as u64) + 1,
            meta_offset,
            free_offset,
            cache_slot: slot as u16,
            cache_slots: cache_slots(size) as u16,
        };
        slot += cache_slots(size);
        class += 1;
    }
    (classes, offset, slot)
}

/// Every class.
pub(super) static CLASS_INFO: [ClassInfo; CLASSES] = lay_out().0;
/// Length of the metadata of all classes.
pub(super) const METADATA_LEN: usize = lay_out().1;
/// Slots in a thread's cache.
pub(super) const CACHE_SLOTS: usize = lay_out().2;

#[inline(always)]
pub(super) fn contains(address: usize) -> bool {
    address.wrapping_sub(HEAP_START) < HEAP_END - HEAP_START
}

/// For an address in the heap: whether it is among the large blocks.
#[inline(always)]
pub(super) fn contains_large(address: usize) -> bool {
    address >= LARGE_START
}

/// For an address below the large blocks: its class (which may not exist), and the offset there.
#[inline(always)]
pub(super) fn split(address: usize) -> (usize, usize) {
    let offset = address - HEAP_START;
    (offset >> CLASS_SPACE_LOG2, offset & (CLASS_SPACE - 1))
}

/// First address of a class.
#[inline(always)]
pub(super) fn class_start(class: usize) -> usize {
    HEAP_START + (class << CLASS_SPACE_LOG2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reciprocal_divides_exactly() {
        for info in &CLASS_INFO {
            let size = info.size as usize;
            let last = info.blocks as usize - 1;
            for index in [0, 1, 2, 3, 1000, last / 3, last / 2, last - 1, last] {
                for offset in [0, 1, size / 2, size - 1] {
                    assert_eq!(info.block_at(index * size + offset), index as u32);
                }
            }
            if size > 16 {
                assert_eq!(info.block_at(CLASS_SPACE - 1) as usize, (CLASS_SPACE - 1) / size);
            }
        }
    }

    #[test]
    fn a_threads_cache_is_bounded() {
        let bytes: usize = CLASS_INFO.iter().map(|info| info.size as usize * info.cache_slots as usize).sum();
        assert!(bytes <= 400 * 1024, "{bytes}");
        assert!(size_of::<super::super::HeapCache>() <= 4096);
    }

    #[test]
    fn metadata_fit_beside_the_heap() {
        const { assert!(METADATA_LEN < 1 << 39) };
        for pair in CLASS_INFO.windows(2) {
            assert!(pair[0].meta_offset < pair[0].free_offset && pair[0].free_offset < pair[1].meta_offset);
        }
    }
}
