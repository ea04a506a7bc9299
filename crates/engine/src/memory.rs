//! What the engine asks of its surroundings: memory for the shadow, and the origin of blocks.

use core::sync::atomic::AtomicU64;

use crate::context::Ctx;
use crate::epoch::Epoch;

/// Eight bytes of the program's memory at an address that is a multiple of eight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Granule(pub u64);

impl Granule {
    /// The granule that holds the byte at `address`.
    #[inline]
    pub const fn of(address: u64) -> Granule {
        Granule(address >> 3)
    }

    /// The address of its first byte.
    #[inline]
    pub const fn address(self) -> u64 {
        self.0 << 3
    }

    /// The one after it.
    #[inline]
    pub const fn next(self) -> Granule {
        Granule(self.0 + 1)
    }
}

/// What last happened to a whole block of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OriginKind {
    /// It was allocated, and is in use.
    Allocated,
    /// It was freed.
    Freed,
    /// It was the stack (or another private area) of a thread that ended.
    ThreadEnded,
}

/// The origin of a byte of which nothing else is recorded: everybody who touches it must be ordered after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// What happened.
    pub kind: OriginKind,
    /// When.
    pub epoch: Epoch,
    /// Where.
    pub ctx: Ctx,
    /// The first granule behind the block.
    pub until: Granule,
}

/// Memory for the shadow. All of it starts as zero.
///
/// Words are shared between threads; the engine takes care of that with the lock bit in the word. The
/// contexts of a granule are written only under its word's lock.
pub trait Memory {
    /// The shadow word of `granule`.
    fn word(&self, granule: Granule) -> &AtomicU64;

    /// The contexts of the last write (low half) and of the last read (high half) of `granule`. Asked for, here
    /// or by [`Memory::first_contexts`], before the granule's word is stored to for the first time.
    fn contexts(&self, granule: Granule) -> &AtomicU64;

    /// As [`Memory::contexts`], before a granule's word is stored to for the first time. Beside it, true if so much
    /// memory is in use by now that somebody should look at it: see [`crate::Engine::collection_wanted`].
    #[inline]
    fn first_contexts(&self, granule: Granule) -> (&AtomicU64, bool) {
        (self.contexts(granule), false)
    }

    /// What happened to the block that `granule` lies in, if it lies in a block.
    fn origin(&self, granule: Granule) -> Option<Origin>;

    /// Called while a word is locked by somebody else, for the `spins`-th time: lets others run.
    fn relax(&self, spins: u32);

    /// Calls `f` with each word in `granules` that may be non-zero.
    fn for_each_word(&self, granules: core::ops::Range<Granule>, f: &mut dyn FnMut(Granule, &AtomicU64));

    /// Calls `f` with each word of the whole shadow that may be non-zero.
    fn for_each_word_everywhere(&self, f: &mut dyn FnMut(Granule, &AtomicU64));

    /// Calls `f` with the first granule and the words of each page of the shadow that may have non-zero ones. Where it
    /// answers true, all of them and their contexts become zero, and what memory they took is given back. No other
    /// thread uses the shadow meanwhile. Memory that gives nothing back has no pages, and keeps its history.
    fn for_each_page(&self, f: &mut dyn FnMut(Granule, &[AtomicU64]) -> bool) {
        let _ = f;
    }

    /// Calls `f` with the epoch of each origin that [`Memory::origin`] may still give.
    fn for_each_origin(&self, f: &mut dyn FnMut(Epoch));
}
