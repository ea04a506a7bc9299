//! Generated concurrent programs, and a brute-force judge of their races.
//!
//! A [`Program`] is a list of events in the order in which they happen: which thread does what. The
//! [`Oracle`] says for each event which earlier ones it races with. It holds happens-before as what it is, a
//! relation between events: the edges that the memory model names, and their transitive closure as one bit
//! for each pair of events. There is no clock, no epoch and nothing that is dropped, so it shares no idea
//! with a detector that it judges; it is slow, and short enough to be read beside the standard.
//!
//! Whoever can execute a program's events in their order is a [`Detector`]: the engine as a library, or a
//! whole runtime. [`check`] compares its findings with the oracle's, event by event, and
//! [`shrink`] makes a program that fails small.
//!
//! The library depends on no detector; its test runs programs through the runtime, the engine's tests through
//! the engine.

pub mod check;
pub mod generate;
pub mod oracle;
pub mod program;
pub mod random;
pub mod shrink;

pub use check::{Detector, Divergence, Finding, check};
pub use generate::{Recipe, generate};
pub use oracle::{Kind, Oracle, Verdict};
pub use program::{AREA, Bytes, Event, Machine, Op, Order, Program, bytes};
pub use random::Random;
pub use shrink::shrink;
