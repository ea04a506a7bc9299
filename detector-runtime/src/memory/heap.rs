//! The heap of the program under test: what its intercepted `malloc` family gets.
//!
//! ```text
//! 0x0800_0000_0000  class 0   16-byte blocks, one after another, 2^36 bytes of address space
//! 0x0810_0000_0000  class 1   32-byte blocks
//!        …          class 51  256 KB blocks
//! 0x0C00_0000_0000  large blocks, in granules of 64 KB
//! 0x1000_0000_0000  end
//! ```
//!
//! The detector asks "which block holds this address, who allocated it and when?" for addresses anywhere
//! inside live and freed blocks, so that is what the layout serves: below 256 KB the class is the address's bits
//! 36 and up, the block is a multiplication by the size's reciprocal, the metadata are an array index; above, a
//! table maps each granule to its block. Neither takes a lock.
//!
//! Invariants:
//! - **Nothing about a block is kept in the block.** Free lists are arrays of block numbers, and metadata lie
//!   in arrays of their own: a program that writes after a free or past an end harms its own data, not the
//!   detector, and reading a freed block is harmless.
//! - A small block's start, size and metadata are fixed for ever; a large block's start is, once there.
//! - An address range is in one of three states ([`BlockState`]): never allocated, live, freed.
//! - The fast path of both directions is a thread's own [`HeapCache`]: no lock, no atomic read-modify-write.
//!   Two threads that free one block at the same time are a race of the program, which the detector reports;
//!   the heap may then give the block out twice.
//!
//! Small memory is never given back to the system; large blocks are, beyond a few that are kept warm.
//!
//! Not safe in signal handlers, as `malloc` is not: a handler may interrupt the use of the thread's cache.

mod block;
mod cache;
mod large;
mod layout;
mod small;

use core::fmt;
use core::ptr::NonNull;

pub use block::{BlockMeta, BlockRef, BlockState};
pub use cache::HeapCache;
pub use layout::{HEAP_END, HEAP_START, LARGE_START, SMALL_MAX};

use block::Home;
use large::LargeBlocks;
use layout::{ALIGN_MAX, CLASSES, LADDER, contains_large};
use small::SmallBlocks;

use crate::lock::Once;
use crate::sys::Errno;
use crate::sys::memory::{self, Advice, Placement, Protection};

/// A block that was just allocated.
#[derive(Clone, Copy, Debug)]
pub struct Allocation {
    /// The block, live from now on.
    pub block: BlockRef,
    /// Whether its bytes are known to be zero, so that `calloc` need not clear them.
    pub fresh_zero: bool,
}

impl Allocation {
    /// The pointer for the program.
    #[inline]
    pub fn ptr(&self) -> NonNull<u8> {
        self.block.start()
    }
}

/// Why a pointer can't be freed.
#[derive(Clone, Copy, Debug)]
pub enum BadFree {
    /// The address is not in the heap at all: a stack, a global, another allocator.
    Foreign,
    /// No block was ever allocated there.
    NeverAllocated,
    /// The address is inside of a block, but not its start.
    Interior(BlockRef),
    /// The block has been freed already.
    AlreadyFreed(BlockRef),
}

impl fmt::Display for BadFree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadFree::Foreign => f.write_str("the address is not in the heap"),
            BadFree::NeverAllocated => f.write_str("no block was ever allocated at the address"),
            BadFree::Interior(block) => write!(
                f,
                "the address is inside of a block of {} bytes that starts at {:p}",
                block.requested(),
                block.start()
            ),
            BadFree::AlreadyFreed(block) => {
                write!(f, "the block of {} bytes has been freed already", block.requested())
            }
        }
    }
}

/// Why the heap's address space could not be reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeapUnavailable {
    /// What the range is for.
    pub purpose: &'static str,
    /// Where it must lie; `None` is anywhere.
    pub start: Option<usize>,
    /// Its length in bytes.
    pub len: usize,
    /// What the kernel said.
    pub error: Errno,
}

impl fmt::Display for HeapUnavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "can't reserve {} GB of address space", self.len >> 30)?;
        if let Some(start) = self.start {
            write!(f, " at {start:#x}")?;
        }
        write!(f, " for {}: {}; ", self.purpose, self.error)?;
        f.write_str(match self.error {
            Errno::EEXIST => "something else is mapped there, see /proc/self/maps",
            Errno::ENOMEM => {
                "check that `ulimit -v` and `ulimit -d` are unlimited and that the sysctl vm.overcommit_memory is \
                 not 2"
            }
            _ => "the kernel or a sandbox refuses the mapping",
        })
    }
}

impl core::error::Error for HeapUnavailable {}

/// How much memory the heap has taken. Counted under the heap's locks one after another, so that the numbers of
/// a running program fit together only roughly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapStats {
    /// Bytes of small blocks that are live or in a thread's cache.
    pub small_out: usize,
    /// Bytes of small blocks that are free and in no cache.
    pub small_free: usize,
    /// Bytes of live large blocks.
    pub large_live: usize,
    /// Bytes of free large blocks whose memory is kept.
    pub large_warm: usize,
    /// Bytes of address space that large blocks took so far, free ones included.
    pub large_space: usize,
}

/// The heap. Its addresses are fixed, so only one can be initialised in a process.
#[derive(Debug)]
pub struct Heap {
    ready: Once<()>,
    small: SmallBlocks,
    large: LargeBlocks,
}

impl Heap {
    /// A heap that has reserved nothing yet; [`Heap::init`] does.
    pub const fn new() -> Heap {
        Heap { ready: Once::new(), small: SmallBlocks::new(), large: LargeBlocks::new() }
    }

    /// Reserves the address space; the metadata's goes to `metadata`. Repeated calls do nothing more.
    pub fn init(&self, metadata: Placement) -> Result<(), HeapUnavailable> {
        self.ready.get_or_try_init(|| self.reserve(metadata)).copied()
    }

    #[cold]
    fn reserve(&self, placement: Placement) -> Result<(), HeapUnavailable> {
        const METADATA_LEN: usize = small::METADATA_LEN + large::METADATA_LEN;
        let reserve = |purpose, placement, len| {
            memory::reserve(placement, len, Protection::ReadWrite).map_err(|error| HeapUnavailable {
                purpose,
                start: match placement {
                    Placement::Anywhere => None,
                    Placement::At(start) => Some(start),
                },
                len,
                error,
            })
        };
        let blocks = reserve("the heap", Placement::At(HEAP_START), HEAP_END - HEAP_START)?;
        let metadata = match reserve("the heap's metadata", placement, METADATA_LEN) {
            Ok(metadata) => metadata,
            Err(error) => {
                // SAFETY: the mapping was made just now and nobody uses it.
                let _ = unsafe { memory::unmap(blocks.as_ptr(), HEAP_END - HEAP_START) };
                return Err(error);
            }
        };
        // Each class begins its own blocks and metadata, and most hold little: where huge pages are the system's
        // default, they would make a small program resident with some hundred MB. Failure costs only that.
        // SAFETY: the advice changes no contents, and the ranges are ours.
        unsafe {
            let _ = memory::advise(blocks.as_ptr(), LARGE_START - HEAP_START, Advice::NoHugePage);
            let _ = memory::advise(metadata.as_ptr(), METADATA_LEN, Advice::NoHugePage);
        }
        self.small.set_metadata(metadata.as_ptr().addr());
        self.large.set_metadata(metadata.as_ptr().addr() + small::METADATA_LEN);
        Ok(())
    }

    /// Whether the address lies in the heap's range, allocated or not.
    #[inline(always)]
    pub fn contains(address: usize) -> bool {
        layout::contains(address)
    }

    /// Allocates `size` bytes aligned to `align`, a power of two, and to 16 in any case.
    ///
    /// `None` when the address space of the class is used up, when the size is absurd, or before
    /// [`Heap::init`]. A size of 0 gives a block of its own.
    #[inline]
    pub fn alloc(&self, cache: &mut HeapCache, size: usize, align: usize) -> Option<Allocation> {
        debug_assert!(align.is_power_of_two());
        if size <= SMALL_MAX && align <= 16 {
            self.small.alloc(cache, LADDER.class_of(size), size)
        } else {
            self.alloc_unusual(cache, size, align)
        }
    }

    #[cold]
    fn alloc_unusual(&self, cache: &mut HeapCache, size: usize, align: usize) -> Option<Allocation> {
        if size <= SMALL_MAX && align <= ALIGN_MAX {
            self.small.alloc(cache, LADDER.aligned_class_of(size, align), size)
        } else {
            self.large.alloc(size, align)
        }
    }

    /// [`Heap::alloc`] for a thread without a cache; takes locks each time.
    #[cold]
    pub fn alloc_shared(&self, size: usize, align: usize) -> Option<Allocation> {
        let mut cache = HeapCache::new();
        let allocation = self.alloc(&mut cache, size, align);
        self.drain(&mut cache);
        allocation
    }

    /// [`Heap::free`] for a thread without a cache; takes locks each time.
    #[cold]
    pub fn free_shared(&self, start: *mut u8) -> Result<(), BadFree> {
        let mut cache = HeapCache::new();
        let freed = self.free(&mut cache, start);
        self.drain(&mut cache);
        freed
    }

    /// Frees a block: [`Heap::retire`] and [`Heap::recycle`] in one.
    #[inline]
    pub fn free(&self, cache: &mut HeapCache, start: *mut u8) -> Result<(), BadFree> {
        let block = self.retire(start)?;
        // SAFETY: the block was retired just now, and nobody else has the reference.
        unsafe { self.recycle(cache, block) };
        Ok(())
    }

    /// The first half of a free: checks the pointer and marks the block as freed. It is not given out again
    /// before [`Heap::recycle`], so that the detector can do its part in between.
    #[inline]
    pub fn retire(&self, start: *mut u8) -> Result<BlockRef, BadFree> {
        let address = start.addr();
        match self.block_of(address) {
            Some(block) if block.start().as_ptr().addr() == address && block.is_live() => {
                block.end_life();
                Ok(block)
            }
            found => Err(classify_bad_free(address, found)),
        }
    }

    /// The second half of a free: the block may be given out again.
    ///
    /// # Safety
    /// `block` comes from [`Heap::retire`] of this heap and is passed here once.
    #[inline]
    pub unsafe fn recycle(&self, cache: &mut HeapCache, block: BlockRef) {
        match block.home() {
            Home::Small { class, index } => self.small.recycle(cache, class, index),
            Home::Large { granule } => self.large.recycle(granule),
        }
    }

    /// The block that holds the address, live or freed; `None` outside of the heap and where no block ever was.
    ///
    /// Takes no lock. About a block that another thread allocates or frees at this moment the answer may be
    /// either.
    #[inline]
    pub fn block_of(&self, address: usize) -> Option<BlockRef> {
        if !layout::contains(address) {
            None
        } else if contains_large(address) {
            self.large.block_of(address)
        } else {
            self.small.block_of(address)
        }
    }

    /// How many bytes the program may use at `start`: exactly what it asked for, because the detector does not
    /// follow accesses beyond. `None` if it is not the start of a live block.
    #[inline]
    pub fn usable_size(&self, start: *const u8) -> Option<usize> {
        let block = self.block_of(start.addr())?;
        (block.start().as_ptr().addr() == start.addr() && block.is_live()).then(|| block.requested())
    }

    /// Changes a live block's requested size if the block suits the new one: it is large enough, and would not
    /// waste more than half of itself. The bytes stay as they are.
    ///
    /// `false` means: allocate, copy, free.
    pub fn resize_in_place(&self, block: BlockRef, new_size: usize) -> bool {
        match block.home() {
            Home::Small { .. } => {
                let fits = new_size <= block.capacity() && new_size >= block.capacity() / 2;
                if fits {
                    block.begin_life(new_size);
                }
                fits
            }
            Home::Large { granule } => self.large.resize_in_place(granule, new_size),
        }
    }

    /// Gives all blocks of a cache to other threads; for a thread that ends.
    pub fn drain(&self, cache: &mut HeapCache) {
        for class in 0..CLASSES {
            self.small.flush(cache, class);
        }
    }

    /// Takes all locks, in a fixed order, so that a fork finds the heap whole.
    ///
    /// The caches of threads that do not exist in the child are lost to it, with the blocks in them.
    pub fn before_fork(&self) {
        self.small.acquire_all();
        self.large.lock().acquire();
    }

    /// Releases the locks, in the parent and in the child.
    ///
    /// # Safety
    /// The calling thread, or in the child its parent, has called [`Heap::before_fork`] and not this since.
    pub unsafe fn after_fork(&self) {
        // SAFETY: the locks are held by this thread, by the caller's promise.
        unsafe {
            self.large.lock().release();
            self.small.release_all();
        }
    }

    /// Calls `f` with the metadata of every block that was ever given out, live or freed.
    pub fn for_each_meta(&self, f: &mut dyn FnMut(&BlockMeta)) {
        self.small.for_each_meta(f);
        self.large.for_each_meta(f);
    }

    /// How much memory the heap has taken.
    pub fn stats(&self) -> HeapStats {
        let mut stats = HeapStats::default();
        self.small.add_stats(&mut stats);
        self.large.add_stats(&mut stats);
        stats
    }
}

impl Default for Heap {
    fn default() -> Heap {
        Heap::new()
    }
}

#[cold]
fn classify_bad_free(address: usize, found: Option<BlockRef>) -> BadFree {
    match found {
        None if layout::contains(address) => BadFree::NeverAllocated,
        None => BadFree::Foreign,
        Some(block) if block.start().as_ptr().addr() != address => BadFree::Interior(block),
        Some(block) => BadFree::AlreadyFreed(block),
    }
}

#[cfg(test)]
mod tests;
