//! Folding on stacks as real programs have them, debug and optimised.

use racecheck_report::Frame;
use racecheck_report::fold::{Purpose, fold, to_first_user_frame};

const LIBRARY: &str = "/rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/";

/// `name @ path`: a call; `name @~ path`: an inlined one; `name`: one without debug info. A path that
/// begins with `std`, `core`, `alloc` or `test` lies in the toolchain's sources.
fn stack(lines: &[&str]) -> Vec<Frame> {
    let frame = |line: &&str| {
        let (name, path, inlined) = match line.split_once(" @~ ") {
            Some((name, path)) => (name, Some(path), true),
            None => match line.split_once(" @ ") {
                Some((name, path)) => (name, Some(path), false),
                None => (*line, None, false),
            },
        };
        let of_library =
            |path: &str| ["std/", "core/", "alloc/", "test/"].iter().any(|c| path.starts_with(c));
        let file = path.map(|path| match of_library(path) {
            true => format!("{LIBRARY}{path}"),
            false => format!("/ws/{path}"),
        });
        Frame { function: Some(name.to_string()), file, line: 1, inlined, ..Frame::default() }
    };
    lines.iter().map(frame).collect()
}

fn shown(lines: &[&str], purpose: Purpose) -> Vec<String> {
    fold(&stack(lines), purpose).into_iter().map(|frame| frame.function.clone().unwrap()).collect()
}

const THREAD_START: [&str; 14] = [
    "std::sys::backtrace::__rust_begin_short_backtrace @ std/src/sys/backtrace.rs",
    "std::thread::lifecycle::spawn_unchecked::{closure}::{closure} @ std/src/thread/lifecycle.rs",
    "<core::panic::unwind_safe::AssertUnwindSafe<F> as core::ops::function::FnOnce<()>>::call_once @ core/src/panic/unwind_safe.rs",
    "std::panicking::catch_unwind::do_call @ std/src/panicking.rs",
    "std::panicking::catch_unwind @~ std/src/panicking.rs",
    "std::panic::catch_unwind @~ std/src/panic.rs",
    "std::thread::lifecycle::spawn_unchecked::{closure} @ std/src/thread/lifecycle.rs",
    "core::ops::function::FnOnce::call_once{vtable.shim} @ core/src/ops/function.rs",
    "<alloc::boxed::Box<F,A> as core::ops::function::FnOnce<Args>>::call_once @~ alloc/src/boxed.rs",
    "<std::sys::thread::unix::Thread>::new::thread_start @ std/src/sys/thread/unix.rs",
    "racecheck_rt_thread_start",
    "start_thread",
    "clone3",
    "__clone3",
];

const MAIN_START: [&str; 10] = [
    "core::ops::function::FnOnce::call_once @ core/src/ops/function.rs",
    "std::sys::backtrace::__rust_begin_short_backtrace @ std/src/sys/backtrace.rs",
    "std::rt::lang_start::{closure} @ std/src/rt.rs",
    "std::rt::lang_start_internal::{closure#0} @~ std/src/rt.rs",
    "std::panicking::catch_unwind @~ std/src/panicking.rs",
    "std::rt::lang_start @ std/src/rt.rs",
    "main",
    "__libc_start_call_main",
    "__libc_start_main_impl",
    "_start",
];

const TEST_START: [&str; 9] = [
    "core::ops::function::FnOnce::call_once @ core/src/ops/function.rs",
    "<fn() -> core::result::Result<(), alloc::string::String> as core::ops::function::FnOnce<()>>::call_once @ core/src/ops/function.rs",
    "test::__rust_begin_short_backtrace::<core::result::Result<(), alloc::string::String>, fn() -> core::result::Result<(), alloc::string::String>> @ test/src/lib.rs",
    "test::run_test_in_process::{closure#0} @ test/src/lib.rs",
    "<core::panic::unwind_safe::AssertUnwindSafe<test::run_test_in_process::{closure#0}> as core::ops::function::FnOnce<()>>::call_once @ core/src/panic/unwind_safe.rs",
    "test::run_test_in_process @ test/src/lib.rs",
    "test::run_test::{closure#0} @ test/src/lib.rs",
    "std::sys::backtrace::__rust_begin_short_backtrace @ std/src/sys/backtrace.rs",
    "start_thread",
];

#[test]
fn how_a_thread_started_is_folded() {
    let lines =
        [&["counter::bump @ src/main.rs", "counter::main::{closure#0} @ src/main.rs"][..], &THREAD_START];
    assert_eq!(shown(&lines.concat(), Purpose::Access), ["counter::bump", "counter::main::{closure#0}"]);
}

#[test]
fn how_main_started_is_folded() {
    let lines = [&["counter::main @ src/main.rs"][..], &MAIN_START].concat();
    assert_eq!(shown(&lines, Purpose::Access), ["counter::main"]);
}

#[test]
fn the_harness_and_its_closure_are_folded() {
    let test = ["queue::tests::push @ src/lib.rs", "queue::tests::push::{closure} @ src/lib.rs"];
    let lines = [&test[..], &TEST_START].concat();
    assert_eq!(shown(&lines, Purpose::Access), ["queue::tests::push"]);
}

#[test]
fn a_closure_that_is_no_test_stays() {
    let lines = ["a::run @ src/a.rs", "a::run::{closure} @ src/a.rs", "a::main @ src/main.rs"];
    let lines = [&lines[..], &MAIN_START].concat();
    assert_eq!(shown(&lines, Purpose::Access), ["a::run", "a::run::{closure}", "a::main"]);
}

#[test]
fn the_library_function_that_was_called_is_kept() {
    let access = [
        "core::ptr::write @ core/src/ptr/mod.rs",
        "<alloc::vec::Vec<T,A>>::push_mut @ alloc/src/vec/mod.rs",
        "<alloc::vec::Vec<T,A>>::push @ alloc/src/vec/mod.rs",
        "counter::main @ src/main.rs",
    ];
    let lines = [&access[..], &MAIN_START].concat();
    assert_eq!(shown(&lines, Purpose::Access), ["<alloc::vec::Vec<T,A>>::push", "counter::main"]);
    assert_eq!(shown(&lines, Purpose::Origin), ["counter::main"]);
}

#[test]
fn inlined_library_functions_are_part_of_the_user_s() {
    let lines = [
        "core::ptr::write @~ core/src/ptr/mod.rs",
        "<alloc::vec::Vec<T,A>>::push @~ alloc/src/vec/mod.rs",
        "counter::main @ src/main.rs",
    ];
    assert_eq!(shown(&lines, Purpose::Access), ["counter::main"]);
}

#[test]
fn an_allocation_and_a_creation_are_the_user_s_line() {
    let allocation = [
        "malloc",
        "__rustc::__rust_alloc",
        "alloc::alloc::alloc @~ alloc/src/alloc.rs",
        "<alloc::boxed::Box<T>>::new @ alloc/src/boxed.rs",
        "counter::main @ src/main.rs",
    ];
    assert_eq!(shown(&allocation, Purpose::Origin), ["counter::main"]);
    assert_eq!(shown(&allocation, Purpose::Access), ["<alloc::boxed::Box<T>>::new", "counter::main"]);
    let creation = [
        "pthread_create",
        "<std::sys::thread::unix::Thread>::new @ std/src/sys/thread/unix.rs",
        "std::thread::lifecycle::spawn_unchecked @ std/src/thread/lifecycle.rs",
        "<std::thread::builder::Builder>::spawn @ std/src/thread/builder.rs",
        "counter::main @ src/main.rs",
    ];
    assert_eq!(shown(&creation, Purpose::Origin), ["counter::main"]);
}

#[test]
fn between_two_of_the_user_s_the_called_function_is_kept() {
    let lines = [
        "a::init @ src/a.rs",
        "a::get::{closure#0} @ src/a.rs",
        "std::sync::once::Once::call_once::{closure#0} @ std/src/sync/once.rs",
        "<std::sys::sync::once::futex::Once>::call @ std/src/sys/sync/once/futex.rs",
        "std::sync::once::Once::call_once @ std/src/sync/once.rs",
        "a::get @ src/a.rs",
        "<alloc::boxed::Box<dyn core::ops::function::FnOnce<()>> as core::ops::function::FnOnce<()>>::call_once @ alloc/src/boxed.rs",
        "pool::worker @ src/pool.rs",
    ];
    assert_eq!(
        shown(&lines, Purpose::Origin),
        ["a::init", "a::get::{closure#0}", "std::sync::once::Once::call_once", "a::get", "pool::worker"]
    );
}

#[test]
fn the_user_s_impl_of_a_library_trait_is_the_user_s() {
    let lines = [
        "<counter::Big as core::ops::drop::Drop>::drop @ src/main.rs",
        "core::ptr::drop_in_place<counter::Big> @ core/src/ptr/mod.rs",
        "counter::main @ src/main.rs",
    ];
    let drop = "<counter::Big as core::ops::drop::Drop>::drop";
    assert_eq!(
        shown(&lines, Purpose::Access),
        [drop, "core::ptr::drop_in_place<counter::Big>", "counter::main"]
    );
}

#[test]
fn without_paths_names_decide() {
    let lines = [
        "memcpy",
        "<alloc::vec::Vec<u8> as std::io::Write>::write_all",
        "<T as alloc::string::ToString>::to_string",
        "app::work",
        "<&app::Thing as core::fmt::Display>::fmt",
        "core::fmt::write",
        "<[u8] as core::cmp::PartialEq>::eq",
    ];
    assert_eq!(
        shown(&lines, Purpose::Access),
        [
            "<T as alloc::string::ToString>::to_string",
            "app::work",
            "<&app::Thing as core::fmt::Display>::fmt"
        ]
    );
}

#[test]
fn a_main_written_in_c_is_the_user_s() {
    assert_eq!(
        shown(&["work", "main", "__libc_start_call_main", "_start"], Purpose::Access),
        ["work", "main"]
    );
}

#[test]
fn a_stack_is_never_folded_to_nothing() {
    assert_eq!(
        shown(&["core::fmt::write @ core/src/fmt/mod.rs", "start_thread"], Purpose::Access),
        ["core::fmt::write"]
    );
    assert_eq!(shown(&["start_thread", "clone3"], Purpose::Access), ["start_thread", "clone3"]);
    assert!(fold(&[], Purpose::Access).is_empty());
    assert_eq!(fold(&[Frame::default()], Purpose::Origin).len(), 1);
}

#[test]
fn places_end_at_the_user_s_frame() {
    let frames = stack(&[
        "core::ptr::write @ core/src/ptr/mod.rs",
        "a::one @ src/a.rs",
        "a::main @ src/main.rs",
        "main",
    ]);
    assert_eq!(to_first_user_frame(&frames).len(), 2);
    assert_eq!(to_first_user_frame(&frames[..1]).len(), 1);
}

#[test]
fn what_rustdoc_writes_around_an_example_is_folded() {
    let frames = [
        "doctest_bundle_2024::__doctest_0::main @ rustdoctest/doctest_bundle_2024.rs",
        "doctest_bundle_2024::__doctest_0::__main_fn @ rustdoctest/doctest_bundle_2024.rs",
        "doctest_runner_2024::__doctest_0::TEST::{closure#0} @ rustdoctest/doctest_runner_2024.rs",
        "<doctest_runner_2024::__doctest_0::TEST::{closure#0} as core::ops::function::FnOnce<()>>::call_once @ \
         core/src/ops/function.rs",
        "doctest_runner_2024::main @ rustdoctest/doctest_runner_2024.rs",
        "std::sys::backtrace::__rust_begin_short_backtrace @ std/src/sys/backtrace.rs",
        "main",
    ];
    assert_eq!(shown(&frames, Purpose::Access), ["doctest_bundle_2024::__doctest_0::main"]);
}
