//! The racecheck detector inside a process.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod lock;
pub mod memory;
pub mod sys;
