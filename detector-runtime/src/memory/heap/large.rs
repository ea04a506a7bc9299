//! Blocks of more than 256 KB, or of alignments above a page.
//!
//! Address space is cut in *spans* of whole granules of 64 KB; the spans' sizes follow a ladder, so that a freed
//! span suits later requests of about its size. The block in a span is as long as the request needs, in pages;
//! the rest of the span is never touched and costs nothing.
//!
//! A table holds for each granule the first granule of its span. It is written when a span is cut and never
//! again, so that looking up an address needs no lock.
//!
//! Freed blocks give their memory back to the system, but zeroing it again costs more than most uses of a
//! buffer. The last few freed ones of moderate size are therefore kept *warm*: in a queue of their own, with
//! their memory, and looked at first.

use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicU32, AtomicUsize};

use super::block::{BlockMeta, BlockRef, Home};
use super::layout::{HEAP_END, LARGE_START};
use super::{Allocation, HeapStats};
use crate::lock::{RawLock, SpinLock};
use crate::memory::size_class::SizeLadder;
use crate::sys::memory::{self, Advice, PAGE_SIZE};

const GRANULE_LOG2: u32 = 16;
const GRANULE: usize = 1 << GRANULE_LOG2;
const GRANULES: usize = (HEAP_END - LARGE_START) >> GRANULE_LOG2;

/// Sizes of spans: eight steps per doubling. The waste is address space only.
const LADDER: SizeLadder = SizeLadder::new(GRANULE_LOG2, 3);
const SPAN_CLASSES: usize = LADDER.class_of(HEAP_END - LARGE_START) + 1;

/// Blocks that are kept warm at most.
const WARM_BLOCKS: usize = 32;
/// Bytes that are kept warm at most.
const WARM_BYTES: usize = 32 << 20;
/// The largest block that is kept warm.
const WARM_BLOCK_MAX: usize = 8 << 20;

/// Free spans of a size that are looked at for one of an unusual alignment.
const ALIGNED_TRIES: usize = 16;

/// Length of the metadata: a record and a table entry for each granule.
pub(super) const METADATA_LEN: usize = GRANULES * (size_of::<Record>() + size_of::<AtomicU32>());

/// What is known of a span; lies at the index of its first granule.
#[repr(C)]
struct Record {
    meta: BlockMeta,
    /// Length of the block in pages.
    pages: AtomicU32,
    /// Length of the span in granules.
    span: AtomicU32,
    /// While the span is in a free list: the next one, as granule + 1; 0 is none. Used under the lock.
    next: AtomicU32,
    reserved: u32,
}

/// A free block that still has its memory.
#[derive(Clone, Copy, Debug)]
struct Warm {
    granule: u32,
    /// Length of the span in granules.
    span: u32,
}

#[derive(Debug)]
struct State {
    /// Granules cut so far.
    used: u32,
    /// By span class: the first free span, as granule + 1; 0 is none.
    free: [u32; SPAN_CLASSES],
    /// Oldest first.
    warm: [Warm; WARM_BLOCKS],
    warm_len: usize,
    /// Granules of the spans in `warm`.
    warm_granules: usize,
    /// Bytes of live blocks.
    live: usize,
}

impl State {
    fn take_warm(&mut self, position: usize) -> Warm {
        let taken = self.warm[position];
        self.warm.copy_within(position + 1..self.warm_len, position);
        self.warm_len -= 1;
        self.warm_granules -= taken.span as usize;
        taken
    }

    fn push_warm(&mut self, warm: Warm) {
        self.warm[self.warm_len] = warm;
        self.warm_len += 1;
        self.warm_granules += warm.span as usize;
    }

    /// Whether a block of `span` granules would be too much for the queue.
    fn warm_overflows(&self, span: u32) -> bool {
        self.warm_len == WARM_BLOCKS || (self.warm_granules + span as usize) * GRANULE > WARM_BYTES
    }
}

/// Where the memory of a new block comes from.
enum Source {
    Zero,
    Recycled,
}

pub(super) struct LargeBlocks {
    /// Address of the records, followed by the table; 0 before it is set.
    metadata: AtomicUsize,
    state: SpinLock<State>,
}

impl LargeBlocks {
    pub const fn new() -> LargeBlocks {
        LargeBlocks {
            metadata: AtomicUsize::new(0),
            state: SpinLock::new(State {
                used: 0,
                free: [0; SPAN_CLASSES],
                warm: [Warm { granule: 0, span: 0 }; WARM_BLOCKS],
                warm_len: 0,
                warm_granules: 0,
                live: 0,
            }),
        }
    }

    /// `metadata` is the address of `METADATA_LEN` zero bytes that live as long as the process.
    pub fn set_metadata(&self, metadata: usize) {
        self.metadata.store(metadata, Relaxed);
    }

    /// For a granule below `GRANULES`, after the metadata were set.
    #[inline]
    fn record(&self, granule: u32) -> &'static Record {
        debug_assert!((granule as usize) < GRANULES);
        let address = self.metadata.load(Relaxed) + granule as usize * size_of::<Record>();
        // SAFETY: the address is that of an entry in the array of records: mapped for ever, aligned, initialised
        // with zeros, only accessed atomically.
        unsafe { &*(address as *const Record) }
    }

    /// The table's entry: the first granule of the span that holds this one, plus 1; 0 where none was cut.
    #[inline]
    fn owner(&self, granule: u32) -> &'static AtomicU32 {
        debug_assert!((granule as usize) < GRANULES);
        let table = self.metadata.load(Relaxed) + GRANULES * size_of::<Record>();
        let address = table + granule as usize * size_of::<AtomicU32>();
        // SAFETY: as for `record`, in the table behind the records.
        unsafe { &*(address as *const AtomicU32) }
    }

    #[inline]
    fn block(&self, granule: u32) -> BlockRef {
        let record = self.record(granule);
        let address = LARGE_START + granule as usize * GRANULE;
        // SAFETY: no address of the heap is 0.
        let start = unsafe { NonNull::new_unchecked(address as *mut u8) };
        let capacity = record.pages.load(Relaxed) as usize * PAGE_SIZE;
        BlockRef::new(start, capacity, &record.meta, Home::Large { granule })
    }

    fn is_ready(&self) -> bool {
        self.metadata.load(Relaxed) != 0
    }

    pub fn alloc(&self, size: usize, align: usize) -> Option<Allocation> {
        if size > HEAP_END - LARGE_START || !self.is_ready() {
            return None;
        }
        let class = LADDER.class_of(size);
        let mut state = self.state.lock();
        let (granule, source) = None
            .or_else(|| Some((self.reuse_warm(&mut state, class, align)?, Source::Recycled)))
            .or_else(|| Some((self.reuse(&mut state, class, align)?, Source::Zero)))
            .or_else(|| Some((self.cut(&mut state, class, align)?, Source::Zero)))
            .or_else(|| {
                // The address space is used up: whatever is large enough.
                let larger = (class + 1..SPAN_CLASSES).find_map(|class| self.reuse(&mut state, class, align));
                Some((larger?, Source::Zero))
            })?;
        let pages = size.max(1).div_ceil(PAGE_SIZE);
        state.live += pages * PAGE_SIZE;
        self.record(granule).pages.store(pages as u32, Relaxed);
        drop(state);
        let block = self.block(granule);
        block.begin_life(size);
        Some(Allocation { block, fresh_zero: matches!(source, Source::Zero) })
    }

    fn reuse_warm(&self, state: &mut State, class: usize, align: usize) -> Option<u32> {
        let span = (LADDER.size_of(class) / GRANULE) as u32;
        let position = state.warm[..state.warm_len]
            .iter()
            .rposition(|warm| warm.span == span && is_aligned(warm.granule, align))?;
        Some(state.take_warm(position).granule)
    }

    fn reuse(&self, state: &mut State, class: usize, align: usize) -> Option<u32> {
        let mut before: Option<u32> = None;
        let mut link = state.free[class];
        for _ in 0..ALIGNED_TRIES {
            let granule = link.checked_sub(1)?;
            let next = self.record(granule).next.load(Relaxed);
            if is_aligned(granule, align) {
                match before {
                    None => state.free[class] = next,
                    Some(before) => self.record(before).next.store(next, Relaxed),
                }
                return Some(granule);
            }
            before = Some(granule);
            link = next;
        }
        None
    }

    fn cut(&self, state: &mut State, class: usize, align: usize) -> Option<u32> {
        let span = LADDER.size_of(class) / GRANULE;
        let next = LARGE_START + state.used as usize * GRANULE;
        let first = (next.checked_next_multiple_of(align.max(GRANULE))? - LARGE_START) / GRANULE;
        if first.checked_add(span)? > GRANULES {
            return None;
        }
        state.used = (first + span) as u32;
        let granule = first as u32;
        self.record(granule).span.store(span as u32, Relaxed);
        for offset in 0..span as u32 {
            // Whoever sees the entry sees the record.
            self.owner(granule + offset).store(granule + 1, Release);
        }
        Some(granule)
    }

    pub fn recycle(&self, granule: u32) {
        let record = self.record(granule);
        let span = record.span.load(Relaxed);
        let mut state = self.state.lock();
        state.live -= record.pages.load(Relaxed) as usize * PAGE_SIZE;
        if span as usize * GRANULE > WARM_BLOCK_MAX {
            drop(state);
            return self.recycle_cold(Warm { granule, span });
        }
        let mut evicted = [Warm { granule: 0, span: 0 }; WARM_BLOCKS];
        let mut count = 0;
        while state.warm_overflows(span) {
            evicted[count] = state.take_warm(0);
            count += 1;
        }
        state.push_warm(Warm { granule, span });
        drop(state);
        for &warm in &evicted[..count] {
            self.recycle_cold(warm);
        }
    }

    /// Gives a free block's memory back, outside of the lock, and then makes its span available.
    fn recycle_cold(&self, block: Warm) {
        let start = (LARGE_START + block.granule as usize * GRANULE) as *mut u8;
        let len = block.span as usize * GRANULE;
        // SAFETY: the span is in no list and its block is freed: the program can't expect its contents to stay.
        if unsafe { memory::advise(start, len, Advice::DontNeed) }.is_err() {
            // Memory that the program has locked stays, but free spans must be zero.
            // SAFETY: as above.
            unsafe { start.write_bytes(0, len) };
        }
        let mut state = self.state.lock();
        let list = &mut state.free[LADDER.class_of(len)];
        self.record(block.granule).next.store(*list, Relaxed);
        *list = block.granule + 1;
    }

    /// For an address among the large blocks.
    pub fn block_of(&self, address: usize) -> Option<BlockRef> {
        if !self.is_ready() {
            return None;
        }
        let granule = ((address - LARGE_START) >> GRANULE_LOG2) as u32;
        let granule = self.owner(granule).load(Acquire).checked_sub(1)?;
        let block = self.block(granule);
        // The rest of the span is nobody's.
        (address - block.start().as_ptr().addr() < block.capacity()).then_some(block)
    }

    pub fn resize_in_place(&self, granule: u32, new_size: usize) -> bool {
        let record = self.record(granule);
        let span = record.span.load(Relaxed) as usize * GRANULE;
        if new_size > span || new_size < span / 2 {
            return false;
        }
        let old_pages = record.pages.load(Relaxed) as usize;
        let new_pages = new_size.max(1).div_ceil(PAGE_SIZE);
        if let Some(len) = old_pages.checked_sub(new_pages).filter(|&pages| pages != 0) {
            let tail = (LARGE_START + granule as usize * GRANULE + new_pages * PAGE_SIZE) as *mut u8;
            // A failure leaves the memory resident until the block is freed, and no more.
            // SAFETY: the program gives up the bytes beyond the new size.
            let _ = unsafe { memory::advise(tail, len * PAGE_SIZE, Advice::DontNeed) };
        }
        let mut state = self.state.lock();
        state.live = state.live - old_pages * PAGE_SIZE + new_pages * PAGE_SIZE;
        drop(state);
        record.pages.store(new_pages as u32, Relaxed);
        self.block(granule).begin_life(new_size);
        true
    }

    pub fn lock(&self) -> &RawLock {
        self.state.raw()
    }

    /// Calls `f` with the metadata of every block that was ever given out.
    pub fn for_each_meta(&self, f: &mut dyn FnMut(&BlockMeta)) {
        let used = self.state.lock().used;
        let mut granule = 0;
        while granule < used {
            let record = self.record(granule);
            f(&record.meta);
            // A granule that was passed over for alignment has no span.
            granule += record.span.load(Relaxed).max(1);
        }
    }

    pub fn add_stats(&self, stats: &mut HeapStats) {
        let state = self.state.lock();
        stats.large_live += state.live;
        stats.large_warm += state.warm_granules * GRANULE;
        stats.large_space += state.used as usize * GRANULE;
    }
}

impl fmt::Debug for LargeBlocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LargeBlocks").field("state", &self.state).finish_non_exhaustive()
    }
}

fn is_aligned(granule: u32, align: usize) -> bool {
    (LARGE_START + granule as usize * GRANULE) & (align - 1) == 0
}
