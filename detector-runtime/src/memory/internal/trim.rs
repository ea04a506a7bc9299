//! Giving chunks of which all blocks are free back to the system.
//!
//! It looks at every free block, so it is for rare occasions: when much was freed that will not be needed soon. The
//! trimming thread takes all shards and all batches, counts the free blocks of each chunk, and gives the rest back to
//! the transfers. What another thread holds or frees meanwhile is not seen, and its chunks stay.

use core::ptr;
use core::sync::atomic::AtomicU16;

use super::{
    Arena, CHUNK, CLASSES, FreeBlock, GAUGE, InternalAllocator, LADDER, NonNull, Relaxed, batch_len, memory,
};
use crate::sys::memory::Advice;

/// Free blocks of each chunk, in a mapping of its own: the allocator cannot be asked while it is looked through.
struct Counts {
    first: NonNull<AtomicU16>,
    chunks: usize,
}

impl Counts {
    fn new(chunks: usize) -> Option<Counts> {
        let first = memory::map_anonymous(Self::size(chunks)?).ok()?;
        Some(Counts { first: first.cast(), chunks })
    }

    fn size(chunks: usize) -> Option<usize> {
        memory::round_to_pages((chunks * size_of::<AtomicU16>()).max(1))
    }

    fn of(&self, chunk: usize) -> Option<&AtomicU16> {
        // SAFETY: the mapping holds `chunks` zeroed counters and lives as long as `self`.
        (chunk < self.chunks).then(|| unsafe { self.first.add(chunk).as_ref() })
    }
}

impl Drop for Counts {
    fn drop(&mut self) {
        if let Some(size) = Self::size(self.chunks) {
            // SAFETY: it was mapped with this size in `new`, and references to it borrow `self`.
            let _ = unsafe { memory::unmap(self.first.as_ptr().cast(), size) };
        }
    }
}

/// Free blocks of one class that only the trimming thread knows.
struct List(*mut FreeBlock);

impl List {
    /// Takes over a list.
    ///
    /// # Safety
    /// `list` is a list of free blocks of the class that nobody else knows.
    unsafe fn add_all(&mut self, list: *mut FreeBlock) {
        let mut block = list;
        while !block.is_null() {
            // SAFETY: the blocks of the list are this thread's.
            unsafe {
                let next = (*block).next;
                self.push(block);
                block = next;
            }
        }
    }

    /// # Safety
    /// `block` is a free block of the class that nobody else knows.
    unsafe fn push(&mut self, block: *mut FreeBlock) {
        // SAFETY: the block is this thread's.
        unsafe { (*block).next = self.0 };
        self.0 = block;
    }

    fn pop(&mut self) -> Option<NonNull<FreeBlock>> {
        let block = NonNull::new(self.0)?;
        // SAFETY: the blocks of the list are this thread's.
        self.0 = unsafe { block.as_ref().next };
        Some(block)
    }
}

impl InternalAllocator {
    /// Gives back the chunks of which no block is in use. Answers how many bytes that were.
    #[cold]
    pub fn trim(&self) -> usize {
        let Some(counts) = Counts::new(self.bytes_in_chunks() / CHUNK) else { return 0 };
        let hold = self.before_fork();
        let mut given_back = 0;
        for class in 0..CLASSES {
            let mut free = self.take_free_blocks(class, hold.shards);
            let mut at = free.0;
            while !at.is_null() {
                if let Some(count) = self.arena.chunk_of(at).and_then(|chunk| counts.of(chunk)) {
                    count.fetch_add(1, Relaxed);
                }
                // SAFETY: the list's blocks are this thread's.
                at = unsafe { (*at).next };
            }
            let whole = (CHUNK / LADDER.size_of(class)) as u16;
            let mut batch = List(ptr::null_mut());
            let mut len = 0;
            while let Some(block) = free.pop() {
                let chunk = self.arena.chunk_of(block.as_ptr());
                let count = chunk.and_then(|chunk| counts.of(chunk)).map_or(0, |count| count.load(Relaxed));
                if count == whole {
                    continue;
                }
                // SAFETY: it was popped a few lines above.
                unsafe { batch.push(block.as_ptr()) };
                len += 1;
                if len == batch_len(class) {
                    // SAFETY: the batch is this thread's, and forgotten here.
                    unsafe { self.transfers[class].push(batch.0) };
                    (batch, len) = (List(ptr::null_mut()), 0);
                }
            }
            if !batch.0.is_null() {
                // SAFETY: as above.
                unsafe { self.transfers[class].push(batch.0) };
            }
            for chunk in 0..counts.chunks {
                // The counters are zero again for the next class.
                if counts.of(chunk).is_some_and(|count| count.swap(0, Relaxed) == whole) {
                    // SAFETY: all of its blocks were free and are in no list any more.
                    given_back += unsafe { self.arena.give_back(chunk) };
                }
            }
        }
        self.after_fork_in_parent(hold);
        given_back
    }

    /// The free blocks of a class in the shards that are held and in the transfer.
    fn take_free_blocks(&self, class: usize, held: u32) -> List {
        let mut free = List(ptr::null_mut());
        for (slot, shard) in self.shards.iter().enumerate() {
            if held & 1 << slot == 0 {
                continue;
            }
            // SAFETY: the calling thread holds the shard, and the blocks of a bin are nobody else's.
            unsafe {
                let bin = &mut (*shard.bins.get())[class];
                free.add_all(bin.active);
                free.add_all(bin.spare);
                (bin.active, bin.active_len, bin.spare) = (ptr::null_mut(), 0, ptr::null_mut());
            }
        }
        while let Some(batch) = self.transfers[class].pop() {
            // SAFETY: a batch that was popped is the popping thread's.
            unsafe { free.add_all(batch.as_ptr()) };
        }
        free
    }
}

impl Arena {
    /// The number of the chunk that holds the block.
    fn chunk_of(&self, block: *mut FreeBlock) -> Option<usize> {
        let first = self.first_chunk()?;
        block.addr().checked_sub(first.addr()).map(|offset| offset / CHUNK)
    }

    /// Gives a chunk's memory to the system and keeps its addresses. Answers how many bytes that were.
    ///
    /// # Safety
    /// Nobody knows any block of the chunk.
    unsafe fn give_back(&self, chunk: usize) -> usize {
        let Some(first) = self.first_chunk() else { return 0 };
        let start = first.wrapping_add(chunk * CHUNK);
        // SAFETY: the chunk is whole pages of the arena, and nobody uses it.
        let given = unsafe { memory::advise(start, CHUNK, Advice::DontNeed) }.is_ok();
        self.free.push(chunk as u32);
        if !given {
            return 0;
        }
        GAUGE.shrink(CHUNK);
        CHUNK
    }
}
