//! Blocks of the size classes, up to 256 KB.
//!
//! Per class there is a counter of blocks that were ever given out and a stack of free ones, both behind the
//! class's lock. Threads move blocks between it and their caches half a cache at a time; fresh blocks are
//! counted off in the same batches, untouched.

use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering::Relaxed;

use super::block::{BlockMeta, BlockRef, BlockState, Home};
use super::cache::HeapCache;
use super::layout::{CLASS_INFO, CLASSES, ClassInfo, class_start, split};
use super::{Allocation, HeapStats};
use crate::lock::SpinLock;

pub(super) use super::layout::METADATA_LEN;

/// Blocks that a cache without slots for the class takes: the one that is asked for.
const BATCH_MIN: usize = 1;

#[derive(Debug)]
struct ClassState {
    /// Blocks with this number and above were never given out.
    fresh: u32,
    /// Length of the stack of free blocks.
    free: u32,
}

/// On a cache line of its own: classes are used by different threads at a time.
#[repr(align(128))]
struct Class(SpinLock<ClassState>);

pub(super) struct SmallBlocks {
    /// Start of the metadata; 0 before it is set.
    metadata: AtomicUsize,
    classes: [Class; CLASSES],
}

impl SmallBlocks {
    pub const fn new() -> SmallBlocks {
        SmallBlocks {
            metadata: AtomicUsize::new(0),
            classes: [const { Class(SpinLock::new(ClassState { fresh: 0, free: 0 })) }; CLASSES],
        }
    }

    /// `metadata` is the address of `METADATA_LEN` zero bytes that live as long as the process.
    pub fn set_metadata(&self, metadata: usize) {
        self.metadata.store(metadata, Relaxed);
    }

    #[inline]
    fn meta(&self, info: &ClassInfo, index: u32) -> &'static BlockMeta {
        debug_assert!(index < info.blocks);
        let address =
            self.metadata.load(Relaxed) + info.meta_offset + index as usize * size_of::<BlockMeta>();
        // SAFETY: callers have a block number of the class, so metadata are set and the address is that of the
        // block's entry in its array: mapped for ever, aligned, initialised with zeros, only accessed atomically.
        unsafe { &*(address as *const BlockMeta) }
    }

    /// Where the number of the `position`-th free block of a class is kept.
    fn free_slot(&self, info: &ClassInfo, position: u32) -> *mut u32 {
        debug_assert!(position < info.blocks);
        (self.metadata.load(Relaxed) + info.free_offset + position as usize * size_of::<u32>()) as *mut u32
    }

    #[inline]
    fn block(&self, class: usize, index: u32) -> BlockRef {
        let info = &CLASS_INFO[class];
        let address = class_start(class) + index as usize * info.size as usize;
        // SAFETY: no address of the heap is 0.
        let start = unsafe { NonNull::new_unchecked(address as *mut u8) };
        let home = Home::Small { class: class as u8, index };
        BlockRef::new(start, info.size as usize, self.meta(info, index), home)
    }

    #[inline]
    pub fn alloc(&self, cache: &mut HeapCache, class: usize, size: usize) -> Option<Allocation> {
        let index = match cache.pop(class) {
            Some(index) => index,
            None => self.refill(cache, class)?,
        };
        let block = self.block(class, index);
        let fresh_zero = block.state() == BlockState::Never;
        block.begin_life(size);
        Some(Allocation { block, fresh_zero })
    }

    /// Takes a batch of blocks into the cache, and one more for the caller.
    #[cold]
    fn refill(&self, cache: &mut HeapCache, class: usize) -> Option<u32> {
        if !self.is_ready() {
            return None;
        }
        let info = &CLASS_INFO[class];
        let wanted = (usize::from(info.cache_slots) / 2).max(BATCH_MIN) as u32;
        let mut state = self.classes[class].0.lock();
        if state.free != 0 {
            let count = wanted.min(state.free);
            let first = state.free - count;
            for position in first + 1..state.free {
                // SAFETY: the slots below `state.free` hold block numbers; the lock is held.
                cache.push(class, unsafe { self.free_slot(info, position).read() });
            }
            state.free = first;
            // SAFETY: as above.
            return Some(unsafe { self.free_slot(info, first).read() });
        }
        let count = wanted.min(info.blocks - state.fresh);
        let first = state.fresh;
        state.fresh += count;
        drop(state);
        // In falling order, so that the cache gives them out in rising order.
        for index in (first + 1..first + count).rev() {
            cache.push(class, index);
        }
        (count != 0).then_some(first)
    }

    #[inline]
    pub fn recycle(&self, cache: &mut HeapCache, class: u8, index: u32) {
        if !cache.push(usize::from(class), index) {
            self.recycle_over(cache, usize::from(class), index);
        }
    }

    /// Makes room in a full cache: its older half goes to the shared stack.
    #[cold]
    fn recycle_over(&self, cache: &mut HeapCache, class: usize, index: u32) {
        let count = cache.len(class).div_ceil(2);
        self.give_back(class, cache.oldest(class, count));
        cache.remove_oldest(class, count);
        if !cache.push(class, index) {
            self.give_back(class, &[index]);
        }
    }

    /// Empties the cache of the class.
    pub fn flush(&self, cache: &mut HeapCache, class: usize) {
        let count = cache.len(class);
        if count != 0 {
            self.give_back(class, cache.oldest(class, count));
            cache.remove_oldest(class, count);
        }
    }

    fn give_back(&self, class: usize, blocks: &[u32]) {
        if blocks.is_empty() {
            return;
        }
        let info = &CLASS_INFO[class];
        let mut state = self.classes[class].0.lock();
        for &index in blocks {
            if state.free >= info.blocks {
                // Only a block that was freed twice at the same time can be too much.
                return;
            }
            // SAFETY: the array has a slot for each block of the class; the lock is held.
            unsafe { self.free_slot(info, state.free).write(index) };
            state.free += 1;
        }
    }

    #[inline]
    fn is_ready(&self) -> bool {
        self.metadata.load(Relaxed) != 0
    }

    /// For an address below the large blocks.
    #[inline]
    pub fn block_of(&self, address: usize) -> Option<BlockRef> {
        let (class, offset) = split(address);
        let info = CLASS_INFO.get(class)?;
        let index = info.block_at(offset);
        if index >= info.blocks || !self.is_ready() {
            return None;
        }
        let block = self.block(class, index);
        (block.state() != BlockState::Never).then_some(block)
    }

    pub fn acquire_all(&self) {
        for class in &self.classes {
            class.0.raw().acquire();
        }
    }

    /// # Safety
    /// The calling thread holds all locks by `acquire_all`.
    pub unsafe fn release_all(&self) {
        for class in self.classes.iter().rev() {
            // SAFETY: the caller holds the lock, and has no reference to what it guards.
            unsafe { class.0.raw().release() };
        }
    }

    /// Calls `f` with the metadata of every block that was ever given out.
    pub fn for_each_meta(&self, f: &mut dyn FnMut(&BlockMeta)) {
        for (class, info) in self.classes.iter().zip(&CLASS_INFO) {
            let fresh = class.0.lock().fresh;
            for index in 0..fresh {
                f(self.meta(info, index));
            }
        }
    }

    pub fn add_stats(&self, stats: &mut HeapStats) {
        for (class, info) in self.classes.iter().zip(&CLASS_INFO) {
            let state = class.0.lock();
            stats.small_out += (state.fresh.saturating_sub(state.free)) as usize * info.size as usize;
            stats.small_free += state.free as usize * info.size as usize;
        }
    }
}

impl fmt::Debug for SmallBlocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmallBlocks").finish_non_exhaustive()
    }
}
