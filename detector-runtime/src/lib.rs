//! The racecheck detector inside a process.
//!
//! This crate is the engine's surroundings: it receives the calls of instrumented code and the libc calls of
//! everybody, turns them into events of the engine, and reports what the engine finds. It is built as one
//! object that is linked into the program under test.
//!
//! # Invariants
//! - It never allocates through the program's allocator, and never takes a lock that the program can hold.
//! - It does not re-enter itself: whatever it causes while a thread is inside is let through unseen
//!   ([`gate`]).
//! - It changes no result of the program: errors of its own go to its output, not to `errno`.
//! - Everything that a forked child needs is at rest when the fork happens.
//!
//! # Map
//! From outside to inside: [`abi`] and [`intercept`] are what the program calls; [`gate`] lets them in;
//! [`thread`], [`calls`] and [`local`] are a thread's state; [`runtime`] is what threads share; [`shadow`] and
//! [`memory`] are the memory, [`ceiling`] keeps it within its limit; [`report`], [`testing`], [`resolve`], [`note`] and [`output`] are the way to the reader; [`sys`]
//! is the operating system.
//!
//! With the feature `packed` it is the real thing, with a panic handler, an allocator and private memory
//! functions; without it is a library for its own tests.

#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod abi;
pub mod block;
pub mod calls;
pub mod ceiling;
pub mod collector;
pub mod environment;
pub mod gate;
pub mod intercept;
pub mod local;
pub mod lock;
pub mod memory;
pub mod modules;
pub mod note;
pub mod output;
pub mod report;
pub mod resolve;
pub mod rules;
pub mod runtime;
pub mod shadow;
pub mod startup;
pub mod sys;
pub mod testing;
pub mod thread;

/// What only the real runtime has.
#[cfg(feature = "packed")]
pub(crate) mod packed {
    use crate::memory::internal::InternalAllocator;
    use crate::startup;

    #[global_allocator]
    pub(crate) static ALLOCATOR: InternalAllocator = InternalAllocator::new();

    #[panic_handler]
    fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
        startup::abort(format_args!("internal error: {info}"))
    }
}
