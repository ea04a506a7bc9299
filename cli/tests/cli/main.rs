//! Tests of the `racecheck` command as users call it.
//!
//! One cache serves all tests, so that the instrumented standard library is made once; tests about the
//! cache itself have their own.

mod c;
mod ceiling;
mod docs;
mod errors;
mod explain;
mod extremes;
mod focus;
mod manners;
mod package;
mod recipes;
mod reports;
mod session;
mod shim;
mod support;
mod sysroot;
mod testing;
