//! What a data race is for a reader.
//!
//! The detector decides; this crate says. It holds the model of a finding and its one-line JSON form
//! ([`model`]), the text form that follows Go's race detector ([`text`]), the choice of the frames
//! that are worth showing ([`fold`]), names and lines for addresses ([`symbols`]), keys that tell
//! whether two findings are the same one ([`fingerprint`]), what is not to be reported ([`suppress`],
//! [`known`]), which test it belongs to ([`test_name`]), the table of options ([`options`]), a code and an
//! explanation for each kind of finding ([`code`]), and the missing edge in words ([`why`]). With the
//! feature `formats` it also writes rustc's look, SARIF, JUnit XML, annotations and a page (`format`).
//!
//! # Invariants
//! - The core is `no_std` with `alloc`: the runtime inside the program under test links it, and must
//!   not drag a second standard library along. The feature `std` only adds what the command line needs.
//! - Nothing here panics on bad input: ELF and DWARF of any origin, foreign JSON and names chosen by
//!   the program under test are all untrusted.
//! - Nothing here opens files, allocates without a bound, or knows a detector.
#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

pub mod code;
pub mod fingerprint;
pub mod fold;
#[cfg(feature = "formats")]
pub mod format;
pub mod known;
pub mod model;
pub mod options;
pub mod rust_path;
pub mod suppress;
pub mod symbols;
pub mod test_name;
pub mod text;
pub mod why;

pub use model::{Access, Finding, FindingKind, Frame, Location, Op, Stack, Thread};
pub use options::Options;
