//! The allocator of the runtime's own objects.
//!
//! ```text
//!   shard 0 … 15      per class: active list, one spare batch, the rest of a chunk     (one holder at a time)
//!      │  ▲
//!      ▼  │ batches of a fixed number of blocks
//!   transfer, per class: stack of batches              (push by compare-exchange, pop by one thread at a time)
//!         ▲
//!         │ chunks of 64 KB
//!   arena: one reservation, cut from its start by an atomic add
//! ```
//!
//! A thread picks a shard by its thread pointer and takes the next one if that is busy, so threads share shards
//! but hardly ever wait. The pair of active list and spare batch is Bonwick's magazine pair ("Magazines and
//! Vmem", USENIX 2001, section 3.1): a thread that allocates and frees around a batch's edge does not go to
//! the transfer each time.
//!
//! Invariants:
//! - **Nothing blocks.** A busy shard is passed over; if all are busy, a block comes from the arena and goes
//!   back to the transfer as a batch of one. So a signal handler may allocate whatever it interrupted, and a
//!   child of fork may allocate although the thread that held a shard does not exist there: such a shard is
//!   lost, not waited for.
//! - A block belongs to one class for ever; all free blocks of a class are interchangeable.
//! - Memory up to [`SMALL_MAX`] bytes is returned to the system only by [`InternalAllocator::trim`]; larger blocks are
//!   mappings of their own and are unmapped when freed.
//! - Out of memory is a null pointer.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::asm;
use core::cell::UnsafeCell;
use core::hint;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicUsize};

use super::gauge::GAUGE;
use super::size_class::SizeLadder;
use crate::ceiling;
use crate::lock::Once;
use crate::sys::memory::{self, PAGE_SIZE, Placement, Protection};

mod trim;

/// Eight steps per doubling from 16 bytes on.
const LADDER: SizeLadder = SizeLadder::new(4, 3);

/// The largest block that comes from a size class.
pub const SMALL_MAX: usize = 32 * 1024;

const CLASSES: usize = LADDER.class_of(SMALL_MAX) + 1;

/// Every block of a class of this alignment's multiples is aligned, up to the alignment of chunks.
const ALIGN_MAX: usize = PAGE_SIZE;

const SHARDS_LOG2: u32 = 4;
const SHARDS: usize = 1 << SHARDS_LOG2;

/// What a shard takes from the arena at once, for classes small enough that it holds several blocks.
const CHUNK: usize = 64 * 1024;

/// Address space for small blocks.
const ARENA: usize = 1 << 38;

/// Tries of the transfer's pop before a thread prefers a fresh chunk.
const POP_TRIES: u32 = 64;

/// Blocks in a batch: 8 KB worth, but at least 2 and at most 64 blocks.
const fn batch_len(class: usize) -> u32 {
    let blocks = 8 * 1024 / LADDER.size_of(class);
    if blocks > 64 {
        64
    } else if blocks < 2 {
        2
    } else {
        blocks as u32
    }
}

/// A free block. The smallest class has room for exactly these two links.
struct FreeBlock {
    /// The next block of the same list or batch.
    next: *mut FreeBlock,
    /// In a batch's first block, while it is in the transfer: the next batch.
    next_batch: *mut FreeBlock,
}

/// A shard's blocks of one class. All zero is empty.
struct Bin {
    active: *mut FreeBlock,
    /// Length of `active`.
    active_len: u32,
    /// A full batch, or null.
    spare: *mut FreeBlock,
    /// The part of the last chunk that was never given out: `fresh..fresh_end`.
    fresh: *mut u8,
    fresh_end: *mut u8,
}

impl Bin {
    const EMPTY: Bin = Bin {
        active: ptr::null_mut(),
        active_len: 0,
        spare: ptr::null_mut(),
        fresh: ptr::null_mut(),
        fresh_end: ptr::null_mut(),
    };

    #[inline]
    fn pop(&mut self) -> Option<NonNull<FreeBlock>> {
        let block = NonNull::new(self.active)?;
        // SAFETY: blocks in the list are free, so their links are this allocator's.
        self.active = unsafe { block.as_ref().next };
        self.active_len -= 1;
        Some(block)
    }

    /// # Safety
    /// `block` is a free block of this bin's class that nobody else knows.
    #[inline]
    unsafe fn push(&mut self, block: *mut FreeBlock) {
        // SAFETY: the block is free and ours alone.
        unsafe { (*block).next = self.active };
        self.active = block;
        self.active_len += 1;
    }

    /// Takes the next block from the rest of the chunk.
    fn cut(&mut self, size: usize) -> Option<NonNull<u8>> {
        let block = NonNull::new(self.fresh)?;
        if self.fresh_end.addr() - block.as_ptr().addr() < size {
            return None;
        }
        self.fresh = block.as_ptr().wrapping_add(size);
        Some(block)
    }
}

#[repr(align(128))]
struct Shard {
    /// Whether a thread uses the bins.
    busy: AtomicBool,
    /// Bytes given out minus bytes taken back through this shard, wrapping. Written by the holder only.
    balance: AtomicUsize,
    bins: UnsafeCell<[Bin; CLASSES]>,
}

// SAFETY: `bins` is used by the holder of `busy` only, and its pointers are to blocks that belong to no thread.
unsafe impl Sync for Shard {}

impl Shard {
    const fn new() -> Shard {
        Shard {
            busy: AtomicBool::new(false),
            balance: AtomicUsize::new(0),
            bins: UnsafeCell::new([const { Bin::EMPTY }; CLASSES]),
        }
    }

    #[inline]
    fn try_acquire(&self) -> bool {
        !self.busy.swap(true, Acquire)
    }

    #[inline]
    fn release(&self) {
        self.busy.store(false, Release);
    }
}

/// The batches of one class on their way between shards.
struct Transfer {
    /// Batches that were pushed since the popping thread last looked. Emptied whole, so a batch that comes back
    /// to the top can't be mistaken for its former self.
    incoming: AtomicPtr<FreeBlock>,
    /// Whether a thread uses `batches`.
    popping: AtomicBool,
    /// The stack that is popped from. Written by the holder of `popping` only; atomic so that its value is whole
    /// in a forked child whose parent was popping.
    batches: AtomicPtr<FreeBlock>,
}

impl Transfer {
    const fn new() -> Transfer {
        Transfer {
            incoming: AtomicPtr::new(ptr::null_mut()),
            popping: AtomicBool::new(false),
            batches: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// # Safety
    /// `batch` is a list of free blocks of this class that nobody else knows.
    unsafe fn push(&self, batch: *mut FreeBlock) {
        let mut head = self.incoming.load(Relaxed);
        loop {
            // SAFETY: the batch is ours until the exchange below publishes it.
            unsafe { (*batch).next_batch = head };
            match self.incoming.compare_exchange_weak(head, batch, Release, Relaxed) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }

    /// A batch, unless there is none or other threads keep the stack busy.
    fn pop(&self) -> Option<NonNull<FreeBlock>> {
        let mut tries = POP_TRIES;
        while self.popping.swap(true, Acquire) {
            tries = tries.checked_sub(1)?;
            hint::spin_loop();
        }
        let mut batch = self.batches.load(Relaxed);
        if batch.is_null() {
            batch = self.incoming.swap(ptr::null_mut(), Acquire);
        }
        if let Some(batch) = NonNull::new(batch) {
            // SAFETY: the batch was taken from a stack of which this thread is the only popper; its links were
            // written before the push that the acquire above, or that of an earlier popper, saw.
            self.batches.store(unsafe { batch.as_ref().next_batch }, Relaxed);
        }
        self.popping.store(false, Release);
        NonNull::new(batch)
    }
}

/// The reservation that chunks are cut from.
struct Arena {
    start: Once<NonNull<u8>>,
    used: AtomicUsize,
    free: FreeChunks,
}

/// Chunks that were given back to the system, as a stack.
struct FreeChunks {
    /// Whether a thread uses the stack; whoever finds it so does without.
    busy: AtomicBool,
    /// Number of the top chunk plus one; 0 is none. Written by single stores, so that a forked child finds it whole.
    top: AtomicU32,
    /// For each chunk of the stack the one below it, in the same way. Outside of the chunks, which take no memory.
    links: Once<NonNull<AtomicU32>>,
}

impl FreeChunks {
    const fn new() -> FreeChunks {
        FreeChunks { busy: AtomicBool::new(false), top: AtomicU32::new(0), links: Once::new() }
    }

    fn link(&self, chunk: u32) -> Option<&AtomicU32> {
        let size = ARENA / CHUNK * size_of::<u32>();
        let reserve = || memory::reserve(Placement::Anywhere, size, Protection::ReadWrite).map(NonNull::cast);
        let links = self.links.get_or_try_init(reserve).ok()?;
        // SAFETY: there is a zeroed link for each chunk of the arena, and it is never unmapped.
        Some(unsafe { links.add(chunk as usize % (ARENA / CHUNK)).as_ref() })
    }

    /// Puts a chunk on the stack; it is lost if somebody uses that.
    fn push(&self, chunk: u32) {
        let Some(link) = self.link(chunk) else { return };
        if !self.busy.swap(true, Acquire) {
            link.store(self.top.load(Relaxed), Relaxed);
            self.top.store(chunk + 1, Relaxed);
            self.busy.store(false, Release);
        }
    }

    fn pop(&self) -> Option<u32> {
        if self.top.load(Relaxed) == 0 || self.busy.swap(true, Acquire) {
            return None;
        }
        let chunk = self.top.load(Relaxed).checked_sub(1);
        if let Some(link) = chunk.and_then(|chunk| self.link(chunk)) {
            self.top.store(link.load(Relaxed), Relaxed);
        }
        self.busy.store(false, Release);
        chunk
    }
}

// SAFETY: the pointer is to memory that is handed out in disjoint pieces by an atomic counter.
unsafe impl Sync for Arena {}

impl Arena {
    /// `len` zero bytes, aligned to [`CHUNK`] if `len` is a multiple of it as all former lengths were.
    fn cut(&self, len: usize) -> Option<NonNull<u8>> {
        let start = self
            .start
            .get_or_try_init(|| memory::reserve(Placement::Anywhere, ARENA, Protection::ReadWrite))
            .ok()?;
        if len == CHUNK
            && let Some(chunk) = self.free.pop()
        {
            return NonNull::new(self.first_chunk()?.wrapping_add(chunk as usize * CHUNK));
        }
        // The kernel aligns to pages only.
        let skip = start.as_ptr().align_offset(CHUNK);
        let offset = self.used.fetch_add(len, Relaxed);
        if offset > ARENA - CHUNK || len > ARENA - CHUNK - offset {
            // Keeps the counter from wrapping after many failed attempts.
            self.used.store(ARENA, Relaxed);
            return None;
        }
        // SAFETY: skip < CHUNK and offset + len <= ARENA - CHUNK, so the piece lies in the reservation.
        Some(unsafe { start.add(skip + offset) })
    }

    /// Where the first chunk is, if there is one.
    fn first_chunk(&self) -> Option<*mut u8> {
        let start = self.start.get()?.as_ptr();
        Some(start.wrapping_add(start.align_offset(CHUNK)))
    }
}

/// The shards that a thread holds across a fork, so that the child finds them whole.
#[derive(Debug)]
#[must_use = "shards that are not released are lost"]
pub struct ForkHold {
    shards: u32,
}

/// The allocator of the runtime's own objects; see the module's text.
pub struct InternalAllocator {
    shards: [Shard; SHARDS],
    transfers: [Transfer; CLASSES],
    arena: Arena,
    /// Bytes in blocks that no shard counts: large ones, and those given out or taken back while all shards were
    /// busy. Wraps as the shards' balances do.
    other_balance: AtomicUsize,
}

/// How a layout is served. A function of the layout alone, so that deallocation comes to the same answer.
enum Service {
    Class(usize),
    Mapping,
}

#[inline]
fn service(layout: Layout) -> Service {
    if layout.size() <= SMALL_MAX && layout.align() <= 16 {
        Service::Class(LADDER.class_of(layout.size()))
    } else {
        service_unusual(layout)
    }
}

#[cold]
fn service_unusual(layout: Layout) -> Service {
    if layout.size() <= SMALL_MAX && layout.align() <= ALIGN_MAX {
        Service::Class(LADDER.aligned_class_of(layout.size(), layout.align()))
    } else {
        Service::Mapping
    }
}

/// Picks a shard for the calling thread: the thread pointer tells threads apart, also ones that the runtime
/// has never seen, and costs one load.
#[inline]
fn home_shard() -> usize {
    let thread_pointer: u64;
    // SAFETY: on x86_64 Linux the word at `fs:0` holds the thread pointer itself (ELF TLS ABI, variant II). It
    // is set up before any code of the program or its libraries runs.
    unsafe {
        asm!("mov {}, fs:[0]", out(reg) thread_pointer, options(nostack, preserves_flags, readonly, pure));
    }
    // Fibonacci hashing: stacks are at multiples of large powers of two from each other.
    (thread_pointer.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - SHARDS_LOG2)) as usize
}

impl InternalAllocator {
    /// An allocator that has reserved nothing yet.
    pub const fn new() -> InternalAllocator {
        InternalAllocator {
            shards: [const { Shard::new() }; SHARDS],
            transfers: [const { Transfer::new() }; CLASSES],
            arena: Arena { start: Once::new(), used: AtomicUsize::new(0), free: FreeChunks::new() },
            other_balance: AtomicUsize::new(0),
        }
    }

    /// Bytes in blocks that are given out, with what rounding to block sizes adds. Exact when no thread
    /// allocates or frees at the same time.
    pub fn bytes_in_use(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.balance.load(Relaxed))
            .fold(self.other_balance.load(Relaxed), usize::wrapping_add)
    }

    /// Bytes that chunks were cut from so far, those that were given back included: an upper bound of the resident memory
    /// of small blocks.
    pub fn bytes_in_chunks(&self) -> usize {
        self.arena.used.load(Relaxed)
    }

    /// Takes all shards before a fork, so that none is lost to the child. One that does not become free in time
    /// (the caller may have interrupted its holder) is left out.
    pub fn before_fork(&self) -> ForkHold {
        const TRIES: usize = 10_000;
        let mut hold = ForkHold { shards: 0 };
        for (slot, shard) in self.shards.iter().enumerate() {
            let acquired = (0..TRIES).any(|_| {
                let acquired = shard.try_acquire();
                if !acquired {
                    hint::spin_loop();
                }
                acquired
            });
            if acquired {
                hold.shards |= 1 << slot;
            }
        }
        hold
    }

    /// Releases the shards that [`InternalAllocator::before_fork`] took, in the parent.
    pub fn after_fork_in_parent(&self, hold: ForkHold) {
        for (slot, shard) in self.shards.iter().enumerate() {
            if hold.shards & 1 << slot != 0 {
                shard.release();
            }
        }
    }

    /// Releases the shards that [`InternalAllocator::before_fork`] took, in the child, and what a thread that
    /// does not exist there was popping from.
    ///
    /// # Safety
    /// The calling thread is the only one of its process.
    pub unsafe fn after_fork_in_child(&self, hold: ForkHold) {
        self.after_fork_in_parent(hold);
        for transfer in &self.transfers {
            // `batches` is written by single stores, each of which leaves a whole stack; at worst the batches
            // between two of them are lost.
            transfer.popping.store(false, Relaxed);
        }
        // The same holds for the stack of chunks.
        self.arena.free.busy.store(false, Relaxed);
    }

    #[inline]
    fn allocate_small(&self, class: usize) -> *mut u8 {
        let home = &self.shards[home_shard()];
        if home.try_acquire() { self.allocate_in(home, class) } else { self.allocate_elsewhere(class) }
    }

    /// The calling thread has acquired `shard`; releases it.
    #[inline]
    fn allocate_in(&self, shard: &Shard, class: usize) -> *mut u8 {
        // SAFETY: this thread holds the shard, so nobody else uses the bins until the release below.
        let bin = unsafe { &mut (*shard.bins.get())[class] };
        let block = match bin.pop() {
            Some(block) => block.as_ptr().cast(),
            None => self.refill(bin, class),
        };
        if !block.is_null() {
            let size = LADDER.size_of(class);
            shard.balance.store(shard.balance.load(Relaxed).wrapping_add(size), Relaxed);
        }
        shard.release();
        block
    }

    /// A block for a bin whose active list is empty: the spare batch, what is left of the chunk, other shards'
    /// batches, a new chunk, in this order.
    #[cold]
    fn refill(&self, bin: &mut Bin, class: usize) -> *mut u8 {
        let size = LADDER.size_of(class);
        if bin.spare.is_null() {
            if let Some(block) = bin.cut(size) {
                return block.as_ptr();
            }
            bin.spare = self.transfers[class].pop().map_or(ptr::null_mut(), NonNull::as_ptr);
        }
        if let Some(batch) = NonNull::new(bin.spare) {
            bin.active = batch.as_ptr();
            bin.active_len = list_len(batch);
            bin.spare = ptr::null_mut();
            return bin.pop().map_or(ptr::null_mut(), |block| block.as_ptr().cast());
        }
        let Some(chunk) = self.arena.cut(CHUNK) else { return ptr::null_mut() };
        took(CHUNK);
        bin.fresh = chunk.as_ptr();
        bin.fresh_end = chunk.as_ptr().wrapping_add(CHUNK);
        bin.cut(size).map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[cold]
    fn allocate_elsewhere(&self, class: usize) -> *mut u8 {
        if let Some(shard) = self.acquire_any_shard() {
            return self.allocate_in(shard, class);
        }
        let block = match self.transfers[class].pop() {
            Some(batch) => {
                // SAFETY: the batch is this thread's now.
                let rest = unsafe { batch.as_ref().next };
                if !rest.is_null() {
                    // SAFETY: the rest of the batch is a list of free blocks of the class.
                    unsafe { self.transfers[class].push(rest) };
                }
                batch.cast().as_ptr()
            }
            None => {
                // Whole chunks only, so that all chunks stay aligned.
                let mut bin = Bin::EMPTY;
                let block = self.refill(&mut bin, class);
                while let Some(more) = bin.cut(LADDER.size_of(class)) {
                    // SAFETY: the block was just cut from a chunk that nobody else knows.
                    unsafe { bin.push(more.as_ptr().cast()) };
                }
                if !bin.active.is_null() {
                    // SAFETY: as above.
                    unsafe { self.transfers[class].push(bin.active) };
                }
                block
            }
        };
        if !block.is_null() {
            self.other_balance.fetch_add(LADDER.size_of(class), Relaxed);
        }
        block
    }

    /// # Safety
    /// `block` was given out for `class` by this allocator and is not used any more.
    #[inline]
    unsafe fn free_small(&self, block: *mut u8, class: usize) {
        let home = &self.shards[home_shard()];
        if home.try_acquire() {
            // SAFETY: passed on from the caller.
            unsafe { self.free_in(home, block.cast(), class) }
        } else {
            // SAFETY: passed on from the caller.
            unsafe { self.free_elsewhere(block.cast(), class) }
        }
    }

    /// The calling thread has acquired `shard`; releases it.
    ///
    /// # Safety
    /// As for `free_small`.
    #[inline]
    unsafe fn free_in(&self, shard: &Shard, block: *mut FreeBlock, class: usize) {
        // SAFETY: this thread holds the shard, so nobody else uses the bins until the release below.
        let bin = unsafe { &mut (*shard.bins.get())[class] };
        if bin.active_len >= batch_len(class) {
            self.retire_active(bin, class);
        }
        // SAFETY: the caller gives the block up.
        unsafe { bin.push(block) };
        let size = LADDER.size_of(class);
        shard.balance.store(shard.balance.load(Relaxed).wrapping_sub(size), Relaxed);
        shard.release();
    }

    /// Makes the full active list the spare batch, and gives a former spare batch to the other shards.
    #[cold]
    fn retire_active(&self, bin: &mut Bin, class: usize) {
        if !bin.spare.is_null() {
            // SAFETY: a spare batch is a list of free blocks of the class that only the bin knows.
            unsafe { self.transfers[class].push(bin.spare) };
        }
        bin.spare = bin.active;
        bin.active = ptr::null_mut();
        bin.active_len = 0;
    }

    /// # Safety
    /// As for `free_small`.
    #[cold]
    unsafe fn free_elsewhere(&self, block: *mut FreeBlock, class: usize) {
        if let Some(shard) = self.acquire_any_shard() {
            // SAFETY: passed on from the caller.
            return unsafe { self.free_in(shard, block, class) };
        }
        // SAFETY: the caller gives the block up; it becomes a batch of one.
        unsafe {
            (*block).next = ptr::null_mut();
            self.transfers[class].push(block);
        }
        self.other_balance.fetch_sub(LADDER.size_of(class), Relaxed);
    }

    fn acquire_any_shard(&self) -> Option<&Shard> {
        let home = home_shard();
        (1..=SHARDS).map(|step| &self.shards[(home + step) % SHARDS]).find(|shard| shard.try_acquire())
    }

    #[cold]
    fn allocate_mapping(&self, layout: Layout) -> *mut u8 {
        let mapped = mapping_len(layout.size()).and_then(|len| {
            let start = if layout.align() <= PAGE_SIZE {
                memory::map_anonymous(len).ok()?
            } else {
                map_aligned(len, layout.align())?
            };
            self.other_balance.fetch_add(len, Relaxed);
            took(len);
            Some(start)
        });
        mapped.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    /// # Safety
    /// `block` is a mapping given out for `layout` by this allocator and is not used any more.
    #[cold]
    unsafe fn free_mapping(&self, block: *mut u8, layout: Layout) {
        // The length was representable when the block was mapped.
        let len = mapping_len(layout.size()).unwrap_or(0);
        // SAFETY: the mapping is the allocator's, of this length, and the caller gives it up.
        if unsafe { memory::unmap(block, len) }.is_ok() {
            self.other_balance.fetch_sub(len, Relaxed);
            GAUGE.shrink(len);
        }
    }
}

impl Default for InternalAllocator {
    fn default() -> InternalAllocator {
        InternalAllocator::new()
    }
}

/// So many bytes were taken of the system.
fn took(bytes: usize) {
    if GAUGE.grow(bytes) {
        ceiling::reached();
    }
}

fn mapping_len(size: usize) -> Option<usize> {
    memory::round_to_pages(size).filter(|&len| len <= isize::MAX as usize)
}

/// Maps `len` bytes at a multiple of `align`, by mapping more and unmapping the ends.
fn map_aligned(len: usize, align: usize) -> Option<NonNull<u8>> {
    let padded = len.checked_add(align)?;
    let start = memory::map_anonymous(padded).ok()?.as_ptr();
    let before = start.align_offset(align);
    let block = start.wrapping_add(before);
    let after = padded - before - len;
    // A failure leaves address space behind and nothing else.
    if before != 0 {
        // SAFETY: these pages were mapped just now and are not part of the block.
        let _ = unsafe { memory::unmap(start, before) };
    }
    if after != 0 {
        // SAFETY: as above.
        let _ = unsafe { memory::unmap(block.wrapping_add(len), after) };
    }
    NonNull::new(block)
}

fn list_len(head: NonNull<FreeBlock>) -> u32 {
    let mut len = 0;
    let mut block = head.as_ptr();
    while !block.is_null() {
        len += 1;
        // SAFETY: the list is of free blocks that the caller owns.
        block = unsafe { (*block).next };
    }
    len
}

// SAFETY: blocks are disjoint pieces of the arena or mappings of their own, large enough and aligned for their
// layout (see `service` and the ladder); they stay valid until deallocated; no call unwinds.
unsafe impl GlobalAlloc for InternalAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match service(layout) {
            Service::Class(class) => self.allocate_small(class),
            Service::Mapping => self.allocate_mapping(layout),
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match service(layout) {
            // SAFETY: the caller gives back a block of this layout, hence of this class.
            Service::Class(class) => unsafe { self.free_small(block, class) },
            // SAFETY: the caller gives back a block of this layout, hence a mapping.
            Service::Mapping => unsafe { self.free_mapping(block, layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match service(layout) {
            Service::Class(class) => {
                let block = self.allocate_small(class);
                if !block.is_null() {
                    // SAFETY: the block is at least as large as the layout. Even a fresh one may hold links.
                    unsafe { ptr::write_bytes(block, 0, layout.size()) };
                }
                block
            }
            Service::Mapping => self.allocate_mapping(layout),
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // The caller promises that the new size, rounded up to the alignment, does not overflow.
        let Ok(new_layout) = Layout::from_size_align(new_size, layout.align()) else {
            return ptr::null_mut();
        };
        match (service(layout), service(new_layout)) {
            (Service::Class(old), Service::Class(new)) if old == new => return block,
            (Service::Mapping, Service::Mapping) if layout.align() <= PAGE_SIZE => {
                let (Some(old_len), Some(new_len)) = (mapping_len(layout.size()), mapping_len(new_size))
                else {
                    return ptr::null_mut();
                };
                // SAFETY: the block is a whole mapping of this length and the caller continues with the new one.
                let Ok(moved) = (unsafe { memory::remap(block, old_len, new_len) }) else {
                    return ptr::null_mut();
                };
                self.other_balance.fetch_add(new_len.wrapping_sub(old_len), Relaxed);
                GAUGE.shrink(old_len);
                took(new_len);
                return moved.as_ptr();
            }
            _ => {}
        }
        // SAFETY: the layout is valid and not empty.
        let new_block = unsafe { self.alloc(new_layout) };
        if !new_block.is_null() {
            // SAFETY: both blocks hold the smaller of the sizes and are disjoint; the old one is given up.
            unsafe {
                ptr::copy_nonoverlapping(block, new_block, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
        }
        new_block
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Instant;
    use std::vec::Vec;

    use super::*;

    /// xorshift64*: repeatable test input.
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: usize) -> usize {
            self.0 ^= self.0 >> 12;
            self.0 ^= self.0 << 25;
            self.0 ^= self.0 >> 27;
            (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % bound
        }
    }

    /// A block filled with a pattern of its own, checked when it is freed.
    struct Filled {
        block: *mut u8,
        layout: Layout,
        pattern: u8,
    }

    // SAFETY: the block is owned.
    unsafe impl Send for Filled {}

    impl Filled {
        fn new(allocator: &InternalAllocator, layout: Layout, pattern: u8) -> Filled {
            // SAFETY: no test layout is empty; a block that is not null has the layout's size.
            unsafe {
                let block = allocator.alloc(layout);
                assert!(!block.is_null());
                assert_eq!(block.addr() % layout.align(), 0);
                block.write_bytes(pattern, layout.size());
                Filled { block, layout, pattern }
            }
        }

        fn check(&self) {
            // SAFETY: the block is live and was filled.
            let bytes = unsafe { std::slice::from_raw_parts(self.block, self.layout.size()) };
            assert!(bytes.iter().all(|&byte| byte == self.pattern), "overlap at {:p}", self.block);
        }

        fn free(self, allocator: &InternalAllocator) {
            self.check();
            // SAFETY: the block is live, of this layout, and given up here.
            unsafe { allocator.dealloc(self.block, self.layout) }
        }

        fn resize(&mut self, allocator: &InternalAllocator, size: usize) {
            self.check();
            let kept = size.min(self.layout.size());
            // SAFETY: the block is live and of this layout; the old pointer is not used afterwards.
            unsafe {
                self.block = allocator.realloc(self.block, self.layout, size);
                assert!(!self.block.is_null());
                let bytes = std::slice::from_raw_parts(self.block, kept);
                assert!(bytes.iter().all(|&byte| byte == self.pattern));
                self.block.write_bytes(self.pattern, size);
            }
            self.layout = Layout::from_size_align(size, self.layout.align()).unwrap();
        }
    }

    fn random_layout(random: &mut Random) -> Layout {
        let size = match random.below(10) {
            0..=6 => 1 + random.below(300),
            7..=8 => 1 + random.below(SMALL_MAX + 10),
            _ => 1 + random.below(300_000),
        };
        let align = match random.below(10) {
            0..=7 => 1 << random.below(5),
            _ => 1 << random.below(16),
        };
        Layout::from_size_align(size, align).unwrap()
    }

    #[test]
    fn blocks_do_not_overlap_and_keep_their_bytes() {
        static ALLOCATOR: InternalAllocator = InternalAllocator::new();
        let mut random = Random(1);
        let mut live = Vec::new();
        for turn in 0..60_000 {
            match random.below(5) {
                0..=1 => live.push(Filled::new(&ALLOCATOR, random_layout(&mut random), turn as u8)),
                2 if !live.is_empty() => {
                    let index = random.below(live.len());
                    let size = random_layout(&mut random).size();
                    live[index].resize(&ALLOCATOR, size);
                }
                _ if !live.is_empty() => {
                    let index = random.below(live.len());
                    live.swap_remove(index).free(&ALLOCATOR);
                }
                _ => {}
            }
            if live.len() > 600 {
                live.drain(..300).for_each(|filled| filled.free(&ALLOCATOR));
            }
        }
        let expected: usize = live
            .iter()
            .map(|filled| match service(filled.layout) {
                Service::Class(class) => LADDER.size_of(class),
                Service::Mapping => mapping_len(filled.layout.size()).unwrap(),
            })
            .sum();
        assert_eq!(ALLOCATOR.bytes_in_use(), expected);
        live.into_iter().for_each(|filled| filled.free(&ALLOCATOR));
        assert_eq!(ALLOCATOR.bytes_in_use(), 0);
    }

    #[test]
    fn zeroed_blocks_are_zero_also_when_recycled() {
        static ALLOCATOR: InternalAllocator = InternalAllocator::new();
        for size in [1, 16, 40, 1000, 30_000, 100_000] {
            let layout = Layout::from_size_align(size, 8).unwrap();
            for _ in 0..3 {
                // SAFETY: the layout is not empty and the block is freed once.
                unsafe {
                    let block = ALLOCATOR.alloc_zeroed(layout);
                    assert!(std::slice::from_raw_parts(block, size).iter().all(|&byte| byte == 0));
                    block.write_bytes(0xff, size);
                    ALLOCATOR.dealloc(block, layout);
                }
            }
        }
    }

    #[test]
    fn threads_allocate_and_free_each_others_blocks() {
        static ALLOCATOR: InternalAllocator = InternalAllocator::new();
        const THREADS: u8 = 8;
        const TURNS: usize = 20_000;
        thread::scope(|scope| {
            let (senders, receivers): (Vec<_>, Vec<_>) =
                (0..THREADS).map(|_| mpsc::sync_channel::<Filled>(512)).unzip();
            for (id, receiver) in receivers.into_iter().enumerate() {
                let next = senders[(id + 1) % senders.len()].clone();
                scope.spawn(move || {
                    let mut random = Random(id as u64 + 1);
                    for turn in 0..TURNS {
                        let layout = Layout::from_size_align(1 + random.below(500), 8).unwrap();
                        let filled = Filled::new(&ALLOCATOR, layout, id as u8);
                        if turn % 3 == 0 {
                            filled.free(&ALLOCATOR);
                        } else if let Err(returned) = next.try_send(filled) {
                            match returned {
                                mpsc::TrySendError::Full(filled)
                                | mpsc::TrySendError::Disconnected(filled) => {
                                    filled.free(&ALLOCATOR);
                                }
                            }
                        }
                        while let Ok(filled) = receiver.try_recv() {
                            filled.free(&ALLOCATOR);
                        }
                    }
                    drop(next);
                    receiver.into_iter().for_each(|filled| filled.free(&ALLOCATOR));
                });
            }
            drop(senders);
        });
        assert_eq!(ALLOCATOR.bytes_in_use(), 0);
    }

    #[test]
    fn one_way_traffic_does_not_grow() {
        static ALLOCATOR: InternalAllocator = InternalAllocator::new();
        let layout = Layout::from_size_align(64, 8).unwrap();
        let (sender, receiver) = mpsc::sync_channel::<Filled>(1000);
        thread::scope(|scope| {
            scope.spawn(move || receiver.into_iter().for_each(|filled| filled.free(&ALLOCATOR)));
            for turn in 0..200_000 {
                sender.send(Filled::new(&ALLOCATOR, layout, turn as u8)).unwrap();
            }
            drop(sender);
        });
        // 1000 blocks in flight and a few batches; 200,000 blocks would be 12.8 MB.
        assert!(ALLOCATOR.bytes_in_chunks() < 4 * CHUNK, "{}", ALLOCATOR.bytes_in_chunks());
    }

    #[test]
    fn with_every_shard_held_it_still_allocates() {
        static ALLOCATOR: InternalAllocator = InternalAllocator::new();
        let hold = ALLOCATOR.before_fork();
        assert_eq!(hold.shards, (1 << SHARDS) - 1);
        let mut live: Vec<_> = (1..2000)
            .map(|size| Filled::new(&ALLOCATOR, Layout::from_size_align(size, 8).unwrap(), size as u8))
            .collect();
        live.drain(..1000).for_each(|filled| filled.free(&ALLOCATOR));
        ALLOCATOR.after_fork_in_parent(hold);
        live.into_iter().for_each(|filled| filled.free(&ALLOCATOR));
        assert_eq!(ALLOCATOR.bytes_in_use(), 0);
    }

    #[test]
    fn chunks_without_a_block_in_use_are_given_back_and_used_again() {
        static ALLOCATOR: InternalAllocator = InternalAllocator::new();
        let block = |size: usize, turn: usize| {
            Filled::new(&ALLOCATOR, Layout::from_size_align(size, 8).unwrap(), turn as u8)
        };
        let mut kept = Vec::new();
        for size in [48, 448, 5000, 30_000] {
            let blocks: Vec<_> = (0..64 * CHUNK / size).map(|turn| block(size, turn)).collect();
            for (turn, filled) in blocks.into_iter().enumerate() {
                // One block in the first chunks, and none in the others.
                if turn < 4 * CHUNK / size && turn % (CHUNK / size) == 1 {
                    kept.push(filled);
                } else {
                    filled.free(&ALLOCATOR);
                }
            }
        }
        let cut = ALLOCATOR.bytes_in_chunks();
        let given_back = ALLOCATOR.trim();
        assert!(given_back >= cut - (kept.len() + 4) * CHUNK, "{given_back} of {cut}");
        kept.iter().for_each(Filled::check);
        assert_eq!(ALLOCATOR.trim(), 0, "what was given back is in no list any more");
        // As much of another size fits into what was given back.
        let more: Vec<_> = (0..given_back / CHUNK * (CHUNK / 112)).map(|turn| block(112, turn)).collect();
        assert!(ALLOCATOR.bytes_in_chunks() <= cut + CHUNK, "{} after {cut}", ALLOCATOR.bytes_in_chunks());
        more.into_iter().chain(kept).for_each(|filled| filled.free(&ALLOCATOR));
        assert_eq!(ALLOCATOR.bytes_in_use(), 0);
    }

    #[test]
    fn trimming_takes_nothing_from_threads_that_allocate() {
        static ALLOCATOR: InternalAllocator = InternalAllocator::new();
        thread::scope(|scope| {
            for id in 0..4 {
                scope.spawn(move || {
                    let mut random = Random(id + 1);
                    let mut live = Vec::new();
                    for turn in 0..30_000 {
                        let size = 1 + random.below(2000);
                        let layout = Layout::from_size_align(size, 8).unwrap();
                        live.push(Filled::new(&ALLOCATOR, layout, turn as u8));
                        if live.len() > 500 {
                            live.drain(..450).for_each(|filled| filled.free(&ALLOCATOR));
                        }
                    }
                    live.into_iter().for_each(|filled| filled.free(&ALLOCATOR));
                });
            }
            for _ in 0..200 {
                ALLOCATOR.trim();
                thread::yield_now();
            }
        });
        assert_eq!(ALLOCATOR.bytes_in_use(), 0);
    }

    #[test]
    fn too_much_is_null() {
        static ALLOCATOR: InternalAllocator = InternalAllocator::new();
        let layout = Layout::from_size_align(1 << 62, 8).unwrap();
        // SAFETY: the layout is not empty.
        assert!(unsafe { ALLOCATOR.alloc(layout) }.is_null());
        assert_eq!(ALLOCATOR.bytes_in_use(), 0);
    }

    #[test]
    #[ignore = "prints times; run with --release --nocapture"]
    fn bench_small_blocks() {
        static ALLOCATOR: InternalAllocator = InternalAllocator::new();
        fn pairs(allocator: &impl GlobalAlloc, size: usize, turns: usize) -> f64 {
            let layout = Layout::from_size_align(size, 8).unwrap();
            let start = Instant::now();
            for _ in 0..turns {
                // SAFETY: the layout is not empty and the block is freed once.
                unsafe {
                    let block = allocator.alloc(layout);
                    std::hint::black_box(block);
                    allocator.dealloc(block, layout);
                }
            }
            start.elapsed().as_nanos() as f64 / turns as f64
        }
        for size in [32, 64, 128, 1024] {
            std::println!(
                "{size:5} B, one thread: {:5.1} ns per pair, system {:5.1}",
                pairs(&ALLOCATOR, size, 3_000_000),
                pairs(&std::alloc::System, size, 3_000_000),
            );
        }
        for threads in [2, 8] {
            let start = Instant::now();
            thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| pairs(&ALLOCATOR, 64, 1_000_000));
                }
            });
            let each = start.elapsed().as_nanos() as f64 / (threads * 1_000_000) as f64;
            std::println!("   64 B, {threads} threads: {each:5.1} ns of wall time per pair");
        }
    }
}
