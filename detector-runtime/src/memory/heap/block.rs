//! A block and what is known about it.

use core::ptr::NonNull;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{Relaxed, Release};

/// What a block is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockState {
    /// No block was ever allocated here.
    Never,
    /// Allocated.
    Live,
    /// Freed, and not allocated again yet.
    Freed,
}

/// State and size of a block in one word.
///
/// ```text
///  31 30 29                                   0
/// ┌─────┬──────────────────────────────────────┐
/// │state│ slack: capacity − requested size     │
/// └─────┴──────────────────────────────────────┘
/// ```
///
/// The slack is kept instead of the size because it is small for large blocks too. A freed block keeps it, so
/// that a report can say how large the block was.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Life(u32);

impl Life {
    const STATE_SHIFT: u32 = 30;
    const SLACK_MASK: u32 = (1 << Self::STATE_SHIFT) - 1;
    const LIVE: u32 = 1 << Self::STATE_SHIFT;
    const FREED: u32 = 2 << Self::STATE_SHIFT;

    #[inline]
    pub fn live(slack: usize) -> Life {
        debug_assert!(slack <= Self::SLACK_MASK as usize);
        Life(Self::LIVE | slack as u32)
    }

    #[inline]
    fn freed(self) -> Life {
        Life(Self::FREED | self.0 & Self::SLACK_MASK)
    }

    #[inline]
    pub fn state(self) -> BlockState {
        match self.0 & !Self::SLACK_MASK {
            0 => BlockState::Never,
            Self::LIVE => BlockState::Live,
            _ => BlockState::Freed,
        }
    }

    #[inline]
    fn slack(self) -> usize {
        (self.0 & Self::SLACK_MASK) as usize
    }
}

/// What is kept about a block, beside the heap. All zero for a block that was never allocated.
///
/// All words but the last are the detector's: the heap neither reads nor writes them, also when the block
/// is freed and given out again.
#[derive(Debug)]
#[repr(C, align(8))]
pub struct BlockMeta {
    /// The epoch of the last allocation or free.
    pub state_epoch: AtomicU32,
    /// The calling context of it.
    pub context: AtomicU32,
    /// The calling context of the last allocation.
    pub allocated_at: AtomicU32,
    /// The thread that did that one.
    pub allocated_by: AtomicU32,
    life: AtomicU32,
}

impl BlockMeta {
    #[inline]
    pub(super) fn life(&self) -> Life {
        Life(self.life.load(Relaxed))
    }

    /// Ordered after earlier writes to the other words, so that whoever sees the state sees what goes with it.
    #[inline]
    pub(super) fn set_life(&self, life: Life) {
        self.life.store(life.0, Release);
    }
}

/// Which list a block belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Home {
    Small { class: u8, index: u32 },
    Large { granule: u32 },
}

/// A block, live or freed.
#[derive(Clone, Copy, Debug)]
pub struct BlockRef {
    start: NonNull<u8>,
    capacity: usize,
    meta: &'static BlockMeta,
    home: Home,
}

// SAFETY: the pointer is an address for the receiver to compute with; the reference is to atomics.
unsafe impl Send for BlockRef {}
// SAFETY: as above.
unsafe impl Sync for BlockRef {}

impl BlockRef {
    #[inline]
    pub(super) fn new(start: NonNull<u8>, capacity: usize, meta: &'static BlockMeta, home: Home) -> BlockRef {
        BlockRef { start, capacity, meta, home }
    }

    /// The first byte.
    #[inline]
    pub fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// Bytes that belong to the block, requested or not.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Bytes that the program asked for; of a freed block, at its last allocation.
    #[inline]
    pub fn requested(&self) -> usize {
        self.capacity.saturating_sub(self.meta.life().slack())
    }

    /// The block's metadata.
    #[inline]
    pub fn meta(&self) -> &'static BlockMeta {
        self.meta
    }

    /// What the block is at the moment.
    #[inline]
    pub fn state(&self) -> BlockState {
        self.meta.life().state()
    }

    /// Whether the block is allocated at the moment.
    #[inline]
    pub fn is_live(&self) -> bool {
        self.state() == BlockState::Live
    }

    #[inline]
    pub(super) fn home(&self) -> Home {
        self.home
    }

    /// Makes the block a live one of `requested` bytes.
    #[inline]
    pub(super) fn begin_life(&self, requested: usize) {
        self.meta.set_life(Life::live(self.capacity - requested));
    }

    #[inline]
    pub(super) fn end_life(&self) {
        self.meta.set_life(self.meta.life().freed());
    }
}
