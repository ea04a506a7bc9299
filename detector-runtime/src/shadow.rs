//! The shadow memory of the process, mapped at fixed addresses.
//!
//! ```text
//! program                              its shadow words
//! 0x0000_0000_0000  non-PIE, heap      0x4000_0000_0000
//! 0x1555_0000_0000                     0x5555_0000_0000
//! 0x5555_0000_0000  PIE, brk, mmap,    0x1555_0000_0000
//! 0x8000_0000_0000  stack              0x4000_0000_0000
//! ```
//! A word's address is its granule's with bit 46 flipped: one instruction, no base to load. Both halves fit
//! whatever the randomisation of addresses is (28 or 32 bits), since neither the executable nor mappings
//! nor the stack are ever put into `0x1555_0000_0000 .. 0x5555_0000_0000` by the kernel; so the program
//! need not be started again without randomisation.
//!
//! The contexts of accesses are needed on slow paths only. They lie in pieces of 4 MB, found through a
//! directory, which also tells which parts of the shadow were ever written; a byte for each page tells which pages are
//! in use.

use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering, fence};

use racecheck_engine::{Ctx, Epoch, Granule, Memory, Origin, OriginKind};

use crate::memory::gauge::GAUGE;
use crate::memory::heap::{BlockMeta, Heap};
use crate::sys::memory::{self as mapping, Advice, PAGE_SIZE, PageTable, Placement, Protection};
use crate::sys::{Errno, process};

/// The bit in which a granule's address and its word's differ.
const FLIP: u64 = 1 << 46;
pub(crate) const LOWEST: u64 = 0x1555_0000_0000;
pub(crate) const HIGHEST: u64 = 0x5555_0000_0000;

/// Granules of one piece of contexts: 4 MB of the program.
const PIECE_BITS: u32 = 19;
const PIECE: usize = 1 << PIECE_BITS;
const PIECES: usize = 1 << (47 - 3 - PIECE_BITS);
/// What one page of words speaks for, and one page of contexts with it.
const PAGE_GRANULES: usize = PAGE_SIZE / size_of::<u64>();
/// Behind a piece's contexts there is one byte for each of its pages: not 0 if some word of it was stored to.
const PIECE_SIZE: usize = PIECE * size_of::<u64>() + PAGE_SIZE;

/// Why there is no shadow.
#[derive(Clone, Copy, Debug)]
pub enum ShadowError {
    /// The range of the words is not free, or the process may not have so much address space.
    Words(Errno),
    /// There is no room for the directory.
    Directory(Errno),
}

/// The shadow of the whole process. There is one.
#[derive(Debug)]
pub struct Shadow {
    directory: NonNull<AtomicUsize>,
    heap: &'static Heap,
}

// SAFETY: the directory is shared by design: its entries are atomics, and it is never unmapped.
unsafe impl Send for Shadow {}
// SAFETY: see above.
unsafe impl Sync for Shadow {}

impl Shadow {
    /// Maps the shadow. Nothing of it takes memory before it is used.
    pub fn map(heap: &'static Heap) -> Result<Shadow, ShadowError> {
        let size = (HIGHEST - LOWEST) as usize;
        let words = mapping::reserve(Placement::At(LOWEST as usize), size, Protection::ReadWrite)
            .map_err(ShadowError::Words)?;
        for advice in [Advice::NoHugePage, Advice::DontDump] {
            // Only advice: whether the kernel follows it changes no result.
            // SAFETY: the range was mapped a few lines above, and the advice keeps its contents.
            let _ = unsafe { mapping::advise(words.as_ptr(), size, advice) };
        }
        let directory =
            mapping::reserve(Placement::Anywhere, PIECES * size_of::<usize>(), Protection::ReadWrite)
                .map_err(ShadowError::Directory)?;
        Ok(Shadow { directory: directory.cast(), heap })
    }

    fn piece(&self, index: usize) -> &AtomicUsize {
        // SAFETY: the directory has PIECES entries, and the index is cut to that.
        unsafe { self.directory.add(index % PIECES).as_ref() }
    }

    #[cold]
    fn new_piece(&self, entry: &AtomicUsize) -> usize {
        let piece = loop {
            match mapping::reserve(Placement::Anywhere, PIECE_SIZE, Protection::ReadWrite) {
                Ok(piece) => break piece,
                // Without contexts the detector cannot go on; memory may come back.
                Err(_) => process::yield_now(),
            }
        };
        // SAFETY: only advice on a mapping of our own.
        let _ = unsafe { mapping::advise(piece.as_ptr(), PIECE_SIZE, Advice::NoHugePage) };
        let mine = piece.as_ptr() as usize;
        match entry.compare_exchange(0, mine, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => mine,
            Err(theirs) => {
                // SAFETY: nobody knows of this mapping.
                let _ = unsafe { mapping::unmap(piece.as_ptr(), PIECE_SIZE) };
                theirs
            }
        }
    }

    /// Calls `f` with each piece of contexts, and the first granule that it is of.
    fn for_each_piece(&self, f: &mut dyn FnMut(Granule, usize)) {
        let table = self.directory.as_ptr() as usize;
        // The directory is 256 MB of which a few pages are in use.
        let mut resident = [0u8; 1024];
        let pages = PIECES * size_of::<usize>() / PAGE_SIZE;
        let per_page = PAGE_SIZE / size_of::<usize>();
        for batch in (0..pages).step_by(resident.len()) {
            let count = resident.len().min(pages - batch);
            let known = mapping::residency(table + batch * PAGE_SIZE, &mut resident[..count]).is_ok();
            for page in (0..count).filter(|&p| !known || resident[p] & 1 != 0) {
                for index in (batch + page) * per_page..(batch + page + 1) * per_page {
                    let piece = self.piece(index).load(Ordering::Acquire);
                    if piece != 0 {
                        f(Granule((index as u64) << PIECE_BITS), piece);
                    }
                }
            }
        }
    }

    /// Where a piece has its contexts; it is made if it is not there yet.
    #[inline]
    fn piece_of(&self, granule: Granule) -> usize {
        let entry = self.piece((granule.0 >> PIECE_BITS) as usize);
        match entry.load(Ordering::Acquire) {
            0 => self.new_piece(entry),
            piece => piece,
        }
    }

    /// Whether a page of a piece is in use.
    #[inline]
    fn use_of_page(piece: usize, page: usize) -> &'static AtomicU8 {
        // SAFETY: a piece has a byte for each of its pages behind its contexts, and is never unmapped.
        unsafe { &*((piece + PIECE * size_of::<u64>() + page % (PIECE / PAGE_GRANULES)) as *const AtomicU8) }
    }

    /// A page of words is stored to for the first time, or for the first time since it was given back.
    #[cold]
    fn begin_page(in_use: &AtomicU8) -> bool {
        in_use.swap(1, Ordering::Relaxed) == 0 && GAUGE.grow(2 * PAGE_SIZE)
    }

    /// [`Memory::for_each_page`] for the pages of one piece, whose first granule is `first`.
    fn piece_pages(&self, first: Granule, piece: usize, f: &mut dyn FnMut(Granule, &[AtomicU64]) -> bool) {
        let pages = PIECE / PAGE_GRANULES;
        // Pages that lie beside each other are given back together.
        let mut given_up = 0..0;
        for page in 0..pages {
            let in_use = Self::use_of_page(piece, page);
            if in_use.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let granule = Granule(first.0 + (page * PAGE_GRANULES) as u64);
            // SAFETY: the words of a page of granules lie side by side, as `word` has them.
            let words = unsafe { core::slice::from_raw_parts(self.word(granule), PAGE_GRANULES) };
            if f(granule, words) {
                in_use.store(0, Ordering::Relaxed);
                if given_up.end != page {
                    self.give_back(first, piece, given_up);
                    given_up = page..page;
                }
                given_up.end = page + 1;
            }
        }
        self.give_back(first, piece, given_up);
    }

    /// Empties pages of a piece, and gives their memory back.
    fn give_back(&self, first: Granule, piece: usize, pages: Range<usize>) {
        let size = pages.len() * PAGE_SIZE;
        let granule = Granule(first.0 + (pages.start * PAGE_GRANULES) as u64);
        let words = self.word(granule).as_ptr().cast::<u8>();
        let contexts = (piece + pages.start * PAGE_SIZE) as *mut u8;
        for start in [words, contexts].into_iter().filter(|_| size > 0) {
            // SAFETY: the pages are the shadow's own, and the caller can spare what they hold.
            if unsafe { mapping::advise(start, size, Advice::DontNeed) }.is_err() {
                // Locked memory refuses, for one.
                // SAFETY: as above; nobody else uses the shadow meanwhile.
                unsafe { start.write_bytes(0, size) };
            }
        }
        GAUGE.shrink(2 * size);
    }

    /// Calls `f` with the words of `granules`, leaving out pages that were never touched.
    fn resident_words(&self, granules: Range<Granule>, f: &mut dyn FnMut(Granule, &AtomicU64)) {
        const BATCH: usize = 1024;
        let mut pages = [0u8; BATCH];
        let per_page = (PAGE_SIZE / 8) as u64;
        let mut at = granules.start.0;
        while at < granules.end.0 {
            let first_page = at & !(per_page - 1);
            let end = granules.end.0.min(first_page + per_page * BATCH as u64);
            let count = (end - first_page).div_ceil(per_page) as usize;
            let start = (first_page << 3 ^ FLIP) as usize;
            let known = mapping::residency(start, &mut pages[..count]).is_ok();
            for (i, page) in pages[..count].iter().enumerate() {
                if known && page & 1 == 0 {
                    continue;
                }
                let page_start = first_page + i as u64 * per_page;
                for g in page_start.max(at)..(page_start + per_page).min(end) {
                    f(Granule(g), self.word(Granule(g)));
                }
            }
            at = end;
        }
    }

    /// As [`Shadow::resident_words`], for ranges of which the most part was never touched.
    fn touched_words(&self, granules: Range<Granule>, f: &mut dyn FnMut(Granule, &AtomicU64)) {
        let page = PAGE_SIZE as u64 - 1;
        let flipped = |address: u64| address ^ FLIP;
        let (start, end) = (flipped(granules.start.address()), flipped(granules.end.address() - 1) + 1);
        let pages = (start & !page) as usize..((end + page) & !page) as usize;
        let mut visit = |run: Range<usize>| {
            let first = Granule::of(flipped(run.start as u64)).max(granules.start);
            let end = Granule::of(flipped(run.end as u64 - 1)).next().min(granules.end);
            for g in first.0..end.0 {
                f(Granule(g), self.word(Granule(g)));
            }
        };
        let walked = PageTable::open().and_then(|table| table.for_each_touched(pages, &mut visit));
        // Words that were visited already may be visited again.
        if walked.is_err() {
            self.resident_words(granules, f);
        }
    }
}

/// Below this many granules it is cheaper to look at the words than to ask the kernel which were touched.
const FEW: u64 = 8 * 1024;
/// From this many on, it is cheaper to have the kernel walk its page table.
const MANY: u64 = 1024 * 1024;

impl Memory for Shadow {
    #[inline(always)]
    fn word(&self, granule: Granule) -> &AtomicU64 {
        // SAFETY: the shadow of all that a program can have is mapped for the life of the process; an address
        // outside of it would fault in the program's own access, and faults here.
        unsafe { &*((granule.address() ^ FLIP) as *const AtomicU64) }
    }

    #[inline]
    fn contexts(&self, granule: Granule) -> &AtomicU64 {
        let piece = self.piece_of(granule);
        // SAFETY: a piece has PIECE words and is never unmapped.
        unsafe { &*(piece as *const AtomicU64).add(granule.0 as usize % PIECE) }
    }

    #[inline]
    fn first_contexts(&self, granule: Granule) -> (&AtomicU64, bool) {
        let piece = self.piece_of(granule);
        let at = granule.0 as usize % PIECE;
        let in_use = Self::use_of_page(piece, at / PAGE_GRANULES);
        let look = in_use.load(Ordering::Relaxed) == 0 && Self::begin_page(in_use);
        // SAFETY: as in `contexts`.
        (unsafe { &*(piece as *const AtomicU64).add(at) }, look)
    }

    #[inline]
    fn origin(&self, granule: Granule) -> Option<Origin> {
        if !Heap::contains(granule.address() as usize) {
            return None;
        }
        let block = self.heap.block_of(granule.address() as usize)?;
        let until = Granule::of((block.start().as_ptr() as usize + block.capacity()) as u64);
        origin_of(block.meta()).map(|origin| Origin { until, ..origin })
    }

    #[cold]
    fn relax(&self, spins: u32) {
        relax(spins);
    }

    fn for_each_word(&self, granules: Range<Granule>, f: &mut dyn FnMut(Granule, &AtomicU64)) {
        let count = granules.end.0 - granules.start.0;
        if count > MANY {
            return self.touched_words(granules, f);
        }
        if count > FEW {
            return self.resident_words(granules, f);
        }
        for g in granules.start.0..granules.end.0 {
            f(Granule(g), self.word(Granule(g)));
        }
    }

    fn for_each_word_everywhere(&self, f: &mut dyn FnMut(Granule, &AtomicU64)) {
        self.for_each_piece(&mut |first, _| self.resident_words(first..Granule(first.0 + PIECE as u64), f));
    }

    fn for_each_page(&self, f: &mut dyn FnMut(Granule, &[AtomicU64]) -> bool) {
        self.for_each_piece(&mut |first, piece| self.piece_pages(first, piece, f));
    }

    fn for_each_origin(&self, f: &mut dyn FnMut(Epoch)) {
        self.heap.for_each_meta(&mut |meta| {
            let state = meta.state_epoch.load(Ordering::Relaxed);
            if state != 0 {
                f(Epoch::from_bits(state));
            }
        });
    }
}

/// In the epoch of a block's metadata: it is that of the free, not of the allocation.
const FREED: u32 = 1 << 31;
/// The origin is just being written.
const CHANGING: u32 = 1 << 30;

#[cold]
fn relax(spins: u32) {
    if spins < 64 {
        core::hint::spin_loop();
    } else {
        process::yield_now();
    }
}

/// The origin of a block, as it was last written; `None` if it never was. Where the block ends is not in it.
#[inline]
pub fn origin_of(meta: &BlockMeta) -> Option<Origin> {
    let mut spins = 0;
    loop {
        let state = meta.state_epoch.load(Ordering::Acquire);
        if state == 0 {
            return None;
        }
        let ctx = Ctx(meta.context.load(Ordering::Acquire));
        if state & CHANGING == 0 && meta.state_epoch.load(Ordering::Relaxed) == state {
            let kind = if state & FREED == 0 { OriginKind::Allocated } else { OriginKind::Freed };
            return Some(Origin { kind, epoch: Epoch::from_bits(state), ctx, until: Granule(0) });
        }
        relax(spins);
        spins += 1;
    }
}

/// Writes the origin of a block: one thread at a time does so, the one that allocates or frees it.
pub fn set_origin(meta: &BlockMeta, kind: OriginKind, epoch: Epoch, ctx: Ctx, thread: u32) {
    let freed = if kind == OriginKind::Allocated { 0 } else { FREED };
    meta.state_epoch.store(CHANGING, Ordering::Relaxed);
    // Whoever sees the new words below sees the mark above as well.
    fence(Ordering::Release);
    meta.context.store(ctx.0, Ordering::Release);
    if kind == OriginKind::Allocated {
        meta.allocated_at.store(ctx.0, Ordering::Relaxed);
        meta.allocated_by.store(thread, Ordering::Relaxed);
    }
    meta.state_epoch.store(epoch.to_bits() | freed, Ordering::Release);
}
