//! libtest, and at the end of each test the question whether a race was seen in it.
//!
//! It takes the place of the `test` crate in the instrumented sysroot. All of libtest is passed on; one function,
//! to which the code that `#[test]` makes hands the result of each test, is this crate's own. So a test that raced
//! fails as one that returned an error does, and whatever libtest prints, counts and writes says so.
#![feature(test)]
#![allow(internal_features)]

extern crate test as harness;

pub use harness::*;

use std::process::Termination;

unsafe extern "C" {
    /// Of the runtime: a race was seen in the test that this thread runs.
    safe fn racecheck_rt_test_raced() -> bool;
}

/// A test has come to its end with this result.
pub fn assert_test_result<T: Termination>(result: T) -> Result<(), String> {
    harness::assert_test_result(result)?;
    // Called from here, which is compiled as a part of the test: the runtime reads off the stack which one it is.
    match racecheck_rt_test_raced() {
        false => Ok(()),
        true => Err(raced()),
    }
}

#[cold]
#[inline(never)]
fn raced() -> String {
    // libtest keeps the error to itself, but shows what a failed test has printed.
    eprintln!("race detected during execution of test");
    "race detected during execution of test".to_owned()
}
