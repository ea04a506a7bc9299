//! What is found.

use crate::context::Ctx;
use crate::epoch::Epoch;
use crate::thread::ThreadId;

/// What was done to the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessKind {
    /// A plain read.
    Read,
    /// A plain write.
    Write,
    /// An atomic read (a load, or a compare-exchange that failed).
    AtomicRead,
    /// An atomic write (a store or a read-modify-write).
    AtomicWrite,
    /// The block was allocated.
    Alloc,
    /// The block was freed.
    Free,
    /// The thread whose stack or thread-local memory it is ended.
    ThreadEnd,
}

/// One side of a race.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Side {
    /// What was done.
    pub kind: AccessKind,
    /// The first byte that both sides touched, for the previous side; the first byte of the access for the current.
    pub address: u64,
    /// How many bytes, as far as they are known: of the previous side, those in the same granule.
    pub size: u64,
    /// By whom. `None` only for the previous side, if its slot cannot be told any more.
    pub thread: Option<ThreadId>,
    /// When.
    pub epoch: Epoch,
    /// Where.
    pub ctx: Ctx,
}

/// Two conflicting accesses, neither ordered before the other (or an access to memory that was freed before).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Race {
    /// The access that found it.
    pub current: Side,
    /// The earlier one.
    pub previous: Side,
    /// False if the two are ordered: an access after the free that it knew of.
    pub unordered: bool,
}
