//! The logic of a happens-before data-race detector, as a plain library.
//!
//! The engine is told what threads do (plain accesses, atomic operations, fences, synchronisation,
//! allocation, thread start and end) and answers with the races it sees. It knows no operating system, no
//! ABI and no text: memory for the shadow comes through [`Memory`], contexts of accesses are numbers that
//! [`ContextTable`] hands out, and a [`Race`] is a value for somebody else to print.
//!
//! # The guarantee
//! The rules are FastTrack's (Flanagan & Freund, *FastTrack: efficient and precise dynamic race detection*,
//! PLDI 2009), extended to byte masks, to atomics and to allocation: if an execution has a race on a
//! byte, the first one on that byte is reported, and nothing is reported that is not a race. Whatever had to
//! be given up (ids that ran out, history that was shed) is counted in [`Stats`].
//!
//! # Map
//! | module | what is in it |
//! |---|---|
//! | [`clock`] | vector clocks and what a release publishes |
//! | [`epoch`] | the 24-bit name of "slot s at clock c" |
//! | [`thread`] | what a thread knows; advancing, acquiring, releasing; its caches |
//! | [`slot`] | which thread owns which column of the clocks, and when a column may be used again |
//! | [`word`] | the 64-bit shadow word of eight bytes, its lock, its parts |
//! | [`record`] | the expanded form of a word: several histories, atomics, sync clocks |
//! | [`readset`] | interned sets of concurrent readers |
//! | [`context`] | the calling context tree: how a stack is kept in 32 bits |
//! | [`access`] | plain accesses: the FastTrack rules |
//! | [`atomic`] | atomic operations and fences: the C++20 rules |
//! | [`sync`] | sync objects that are not atomics (mutexes, semaphores, descriptors) |
//! | [`block`] | allocation, free, and memory that changes hands without either |
//! | [`collect`] | taking back epochs and read sets that no shadow word names any more |
//! | [`shed`] | giving up history, so that memory stays below a ceiling |
//! | [`race`] | what is found |

#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod access;
pub mod atomic;
pub mod block;
pub mod clock;
pub mod collect;
pub mod context;
pub mod engine;
pub mod epoch;
pub mod memory;
pub mod race;
pub mod readset;
pub mod record;
pub mod shed;
pub mod slot;
pub mod sync;
pub mod thread;
pub mod word;

pub use atomic::{FenceOrder, LoadOrder, RmwOrder, StoreOrder};
pub use context::{ContextCache, ContextTable, Ctx, Place};
pub use engine::{Engine, Stats};
pub use epoch::Epoch;
pub use memory::{Granule, Memory, Origin, OriginKind};
pub use race::{AccessKind, Race, Side};
pub use shed::Extent;
pub use sync::Channel;
pub use thread::{SET_KEYS, Thread, ThreadId};
pub use word::Mask;
