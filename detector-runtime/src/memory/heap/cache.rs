//! A thread's own free blocks.

use super::layout::{CACHE_SLOTS, CLASS_INFO, CLASSES};

/// The free blocks that a thread allocates from without a lock: one stack of block numbers per size class.
///
/// Bytes of zero are a valid, empty cache, so one may lie in memory that comes from the kernel. A cache belongs
/// to one thread at a time, and to one heap. Dropping it loses its blocks: drain it
/// ([`Heap::drain`](super::Heap::drain)).
#[derive(Debug)]
#[repr(C)]
pub struct HeapCache {
    /// Blocks in each stack; never more than the class has slots.
    len: [u8; CLASSES],
    slots: [u32; CACHE_SLOTS],
}

impl HeapCache {
    /// An empty cache.
    pub const fn new() -> HeapCache {
        HeapCache { len: [0; CLASSES], slots: [0; CACHE_SLOTS] }
    }

    #[inline]
    pub(super) fn pop(&mut self, class: usize) -> Option<u32> {
        let len = self.len[class].checked_sub(1)?;
        self.len[class] = len;
        Some(self.slots[CLASS_INFO[class].cache_slot as usize + len as usize])
    }

    /// Puts a free block on the stack; `false` if that is full.
    #[inline]
    pub(super) fn push(&mut self, class: usize, index: u32) -> bool {
        let info = &CLASS_INFO[class];
        let len = self.len[class];
        if u16::from(len) >= info.cache_slots {
            return false;
        }
        self.slots[info.cache_slot as usize + len as usize] = index;
        self.len[class] = len + 1;
        true
    }

    /// How many blocks of the class are here.
    pub(super) fn len(&self, class: usize) -> usize {
        usize::from(self.len[class])
    }

    /// The `count` blocks that were put here first.
    pub(super) fn oldest(&self, class: usize, count: usize) -> &[u32] {
        let first = CLASS_INFO[class].cache_slot as usize;
        &self.slots[first..first + count.min(self.len(class))]
    }

    /// Takes the `count` oldest blocks away.
    pub(super) fn remove_oldest(&mut self, class: usize, count: usize) {
        let first = CLASS_INFO[class].cache_slot as usize;
        let end = first + self.len(class);
        let count = count.min(self.len(class));
        self.slots.copy_within(first + count..end, first);
        self.len[class] -= count as u8;
    }
}

impl Default for HeapCache {
    fn default() -> HeapCache {
        HeapCache::new()
    }
}
