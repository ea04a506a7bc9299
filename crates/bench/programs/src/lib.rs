//! The work of the programs.

pub mod crates;
pub mod scaling;
pub mod small;
