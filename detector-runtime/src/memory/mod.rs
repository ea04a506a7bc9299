//! Memory: the runtime's own, and the heap of the program under test.
//!
//! Three allocators that share nothing but the ladder of sizes in [`size_class`]:
//!
//! - [`internal`]: the runtime's own objects, as its `#[global_allocator]`.
//! - [`region`]: large equal pieces, such as threads' areas, cut from one reservation.
//! - [`heap`]: what the program gets from its intercepted `malloc`; laid out so that every address inside a
//!   block finds the block and its metadata.
//!
//! [`gauge`] counts what the first and the shadow have taken.
//!
//! None of them calls libc or the program's allocator. Address space is reserved up front and costs nothing
//! until it is touched; running out of it, or of memory, is an error value and never an abort.

pub mod gauge;
pub mod heap;
pub mod internal;
pub mod region;
pub mod size_class;
