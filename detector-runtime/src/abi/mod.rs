//! The functions that instrumented code calls: LLVM's ThreadSanitizer ABI, and a few of racecheck's own.
//!
//! The signatures are given by LLVM's pass and by `sanitizer/tsan_interface.h`; what they do is
//! racecheck's own.

pub mod access;
pub mod annotation;
pub mod atomic;
pub mod function;
pub mod inlined;
pub mod object;
