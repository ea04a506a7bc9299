//! Which test a stack belongs to.
//!
//! libtest gives each test a thread with the test's name, but the system cuts names of threads at 15 bytes,
//! and helper threads have none. The stack itself is exact: between libtest's `__rust_begin_short_backtrace`
//! and the code under test is the function that `#[test]` stands before, and libtest's name for it is that
//! function's path without the crate. For a doctest that rustdoc compiled on its own, it is the function
//! that rustdoc wraps it in.
//!
//! A stack that lies in no test (a helper thread) says nothing; the one that created its thread may.
//!
//! Never guesses: a harness that is not libtest's has no names here.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;

use crate::fold::is_user;
use crate::model::Frame;

/// The frame of libtest that calls a test. std has one of the same name for threads.
const HARNESS: &str = "test::__rust_begin_short_backtrace";

/// What rustdoc calls the function around a doctest, before its file, line and number.
const DOCTEST: &str = "::_doctest_main_";

/// The name of the test that these frames, innermost first, run in.
pub fn of_stack(frames: &[Frame]) -> Option<String> {
    let harness = frames.iter().position(|frame| function(frame).starts_with(HARNESS));
    match harness {
        Some(harness) => of_test(&frames[..harness]),
        None => frames.iter().find_map(of_doctest),
    }
}

/// `frames` ends where libtest begins: its outermost user code is the test.
fn of_test(frames: &[Frame]) -> Option<String> {
    let outermost = function(frames.iter().rfind(|frame| is_user(frame))?);
    let test = outermost.split_once("::{").map_or(outermost, |(test, _closure)| test);
    let (_crate_name, path) = test.split_once("::")?;
    Some(path.to_owned())
}

/// `CRATE::main::_doctest_main_src_lib_rs_12_0` in `…/src/lib.rs` is `src/lib.rs (line 12)`.
fn of_doctest(frame: &Frame) -> Option<String> {
    let (_, flat) = function(frame).split_once(DOCTEST)?;
    let (flat, _number) = flat.rsplit_once('_')?;
    let (flat, line) = flat.rsplit_once('_')?;
    let file = frame.file.as_deref().and_then(|file| suffix_that_flattens_to(file, flat));
    Some(format!("{} (line {line})", file.unwrap_or(flat)))
}

/// The end of `path` that is `flat` once all but letters and digits are underscores.
fn suffix_that_flattens_to<'a>(path: &'a str, flat: &str) -> Option<&'a str> {
    let suffix = path.get(path.len().checked_sub(flat.len())?..)?;
    let flattened = suffix.chars().map(|c| if c.is_alphanumeric() { c } else { '_' });
    flattened.eq(flat.chars()).then_some(suffix)
}

fn function(frame: &Frame) -> &str {
    frame.function.as_deref().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use super::*;

    const LIBTEST: &str = "/rustc/abc/library/test/src/lib.rs";
    const CORE: &str = "/rustc/abc/library/core/src/ops/function.rs";

    fn stack(frames: &[(&str, &str)]) -> Vec<Frame> {
        let frame = |&(function, file): &(&str, &str)| Frame {
            function: Some(function.to_string()),
            file: Some(file.to_string()),
            ..Frame::default()
        };
        frames.iter().map(frame).collect()
    }

    #[test]
    fn a_test_is_named_as_libtest_names_it() {
        let frames = stack(&[
            ("queue::push", "/w/src/lib.rs"),
            ("queue::tests::deep::two_pushers", "/w/src/lib.rs"),
            ("queue::tests::deep::two_pushers::{closure#0}", "/w/src/lib.rs"),
            ("core::ops::function::FnOnce::call_once", CORE),
            ("test::__rust_begin_short_backtrace::<core::result::Result<()>>", LIBTEST),
            ("test::run_test::{closure#0}", LIBTEST),
            ("std::sys::backtrace::__rust_begin_short_backtrace", "/rustc/abc/library/std/src/sys/b.rs"),
        ]);
        assert_eq!(of_stack(&frames).as_deref(), Some("tests::deep::two_pushers"));
        // The closure alone, as when the test is inlined into it and has no line of its own.
        assert_eq!(of_stack(&frames[2..]).as_deref(), Some("tests::deep::two_pushers"));
        assert_eq!(of_stack(&frames[..3]), None);
        assert_eq!(of_stack(&frames[4..]), None);
    }

    #[test]
    fn a_doctest_is_named_by_its_file_and_line() {
        let frames = stack(&[
            ("queue::push", "/w/src/lib.rs"),
            ("rust_out::main::_doctest_main_queue_src_lib_rs_12_0", "/w/queue/src/lib.rs"),
            ("rust_out::main", "/w/queue/src/lib.rs"),
        ]);
        assert_eq!(of_stack(&frames).as_deref(), Some("queue/src/lib.rs (line 12)"));
        let elsewhere = stack(&[("rust_out::main::_doctest_main_README_md_3_0", "x")]);
        assert_eq!(of_stack(&elsewhere).as_deref(), Some("README_md (line 3)"));
    }

    #[test]
    fn anything_else_is_no_test() {
        assert_eq!(of_stack(&[]), None);
        assert_eq!(of_stack(&stack(&[("server::main", "/w/src/main.rs")])), None);
        assert_eq!(of_stack(&stack(&[("rust_out::main::_doctest_main_x", "x")])), None);
    }
}
