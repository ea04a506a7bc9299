//! Which frames of a stack a reader sees by default.
//!
//! A stack of a Rust program is mostly standard library: the closure calls between `pthread_create`
//! and the thread's closure, the test harness, the layers between `Vec::push` and the memory. What a
//! reader looks for is his own code and, where it called into the library, which function it called.
//!
//! The rules, for stacks with the innermost frame first:
//! 1. Frames of user code are shown, and so is everything that is not known to be plumbing.
//! 2. Of each run of library frames that user code called, only the one that user code called is
//!    shown, and only if it was a call: an inlined one is part of the user's function. Adapters such
//!    as `FnOnce::call_once` and the allocator's entry points are never shown.
//! 3. A run that user code did not call is how the thread, the test or the program started: folded.
//! 4. For a stack that tells where something was made ([`Purpose::Origin`]) the user's own line is
//!    the answer, so that the run at its inner end is folded whole.
//! 5. A stack without user code is shown without its start, or whole if nothing would be left.
//!
//! racecheck's shim counts as library code: its primitives stand in for the standard library's.
//!
//! Library code is known by its path in the debug info and, without a path, by its name.

use alloc::vec::Vec;

use crate::model::Frame;

/// What a stack is shown for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Where memory was accessed or freed.
    Access,
    /// Where a block was allocated or a thread created.
    Origin,
}

/// The frames to show, innermost first. Never empty unless `frames` is.
pub fn fold(frames: &[Frame], purpose: Purpose) -> Vec<&Frame> {
    let roles = roles(frames);
    let mut shown = Vec::new();
    let Some(outermost_user) = roles.iter().rposition(|role| *role == Role::User) else {
        return without_user_code(frames, &roles);
    };
    let mut seen_user = false;
    for (at, frame) in frames.iter().enumerate().take(outermost_user + 1) {
        let show = match roles[at] {
            Role::User => true,
            Role::Library => {
                // `at < outermost_user`, so that there is a next frame.
                let called_by_user = roles[at + 1] == Role::User && !frame.inlined;
                called_by_user && (seen_user || purpose == Purpose::Access)
            }
            Role::Adapter | Role::Start => false,
        };
        seen_user |= roles[at] == Role::User;
        if show {
            shown.push(frame);
        }
    }
    shown
}

/// The frames from the innermost to that of the user code which is responsible: the library's frames
/// that it called, and itself. Two accesses are the same place if these are the same. All frames if
/// there is no user code.
pub fn to_first_user_frame(frames: &[Frame]) -> &[Frame] {
    let roles = roles(frames);
    let end = roles.iter().position(|role| *role == Role::User).map_or(frames.len(), |at| at + 1);
    &frames[..end]
}

/// Whether a frame is user code, as far as it can be told without its neighbours.
pub(crate) fn is_user(frame: &Frame) -> bool {
    role(frame) == Role::User
}

#[cold]
fn without_user_code<'a>(frames: &'a [Frame], roles: &[Role]) -> Vec<&'a Frame> {
    let shown: Vec<&Frame> = frames
        .iter()
        .zip(roles)
        .filter(|(_, role)| **role == Role::Library)
        .map(|(frame, _)| frame)
        .collect();
    if shown.is_empty() { frames.iter().collect() } else { shown }
}

/// What a frame is to the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Code that the reader, or a crate that he uses, has written; also what nothing is known about.
    User,
    /// Of the standard library, the C library or the runtime; worth a line if user code called it.
    Library,
    /// Of those, but between two things that say more than it does.
    Adapter,
    /// Runs before user code does.
    Start,
}

fn roles(frames: &[Frame]) -> Vec<Role> {
    let mut roles: Vec<Role> = frames.iter().map(role).collect();
    for at in 0..frames.len() {
        if is_main_shim(frames, &roles, at) || is_test_shim(frames, &roles, at) {
            roles[at] = Role::Start;
        }
    }
    roles
}

/// A frame's role as far as it can be told without its neighbours.
fn role(frame: &Frame) -> Role {
    let name = frame.function.as_deref().unwrap_or("");
    if is_start(name) {
        return Role::Start;
    }
    let library = match frame.file.as_deref() {
        Some(file) => is_library_path(file),
        None => is_library_name(name) || is_c_library_name(name) || is_c_library(frame.module.as_deref()),
    };
    let library = library || is_shim_name(name);
    if is_runtime_name(name) {
        Role::Adapter
    } else if !library {
        Role::User
    } else if is_adapter(name) {
        Role::Adapter
    } else {
        Role::Library
    }
}

/// The C function `main` that rustc makes around the program's own: it has no line and calls
/// `lang_start`. A `main` that was written in C has one or calls something else.
fn is_main_shim(frames: &[Frame], roles: &[Role], at: usize) -> bool {
    let called = at.checked_sub(1).map(|inner| roles[inner]);
    frames[at].function.as_deref() == Some("main")
        && frames[at].file.is_none()
        && matches!(called, Some(Role::Start | Role::Library | Role::Adapter))
}

/// The closure that `#[test]` puts around a test: `name::{closure}`, which calls `name` and is called
/// by the library.
fn is_test_shim(frames: &[Frame], roles: &[Role], at: usize) -> bool {
    let (Some(inner), Some(outer)) = (at.checked_sub(1), roles.get(at + 1)) else {
        return false;
    };
    let (Some(test), Some(closure)) = (&frames[inner].function, &frames[at].function) else {
        return false;
    };
    let wraps = closure
        .strip_prefix(test.as_str())
        .is_some_and(|rest| matches!(rest, "::{closure}" | "::{{closure}}" | "::{closure#0}"));
    wraps
        && matches!(outer, Role::Adapter | Role::Start)
        && frames[at..]
            .iter()
            .any(|frame| frame.function.as_deref().is_some_and(|name| name.starts_with("test::")))
}

/// Directories of the standard library's sources, as the debug info of a toolchain has them.
fn is_library_path(file: &str) -> bool {
    // Its own crates; the crates.io crates that it is made of; its sources where they are installed.
    let in_rustc = file
        .strip_prefix("/rustc/")
        .and_then(|rest| rest.split_once('/'))
        .is_some_and(|(_, path)| path.starts_with("library/"));
    in_rustc || file.starts_with("/rust/deps/") || file.contains("/lib/rustlib/src/rust/library/")
}

/// The crates of the standard library.
const LIBRARY_CRATES: [&str; 6] = ["std::", "core::", "alloc::", "test::", "__rustc::", "panic_unwind::"];

fn is_library_name(name: &str) -> bool {
    let of_crate = |path: &str| LIBRARY_CRATES.iter().any(|prefix| path.starts_with(prefix));
    match name.strip_prefix('<') {
        None => of_crate(name) || name.starts_with("__rust_") || name.starts_with("__rdl_"),
        Some(qualified) => {
            // `<Type as Trait>::method` belongs to the crate of the type; a type that is a parameter
            // or built in has no crate, and then the trait's decides.
            let own = qualified.trim_start_matches(['&', '*', '[', '(']).trim_start_matches("mut ");
            let end = own.find([' ', '<', '>']).unwrap_or(own.len());
            if own[..end].contains("::") {
                of_crate(own)
            } else {
                own.split_once(" as ").is_some_and(|(_, of_trait)| of_crate(of_trait))
            }
        }
    }
}

/// Functions of the C library that do the work of the memory and thread functions above.
fn is_c_library_name(name: &str) -> bool {
    const NAMES: [&str; 18] = [
        "memcpy",
        "memmove",
        "memset",
        "memcmp",
        "bcmp",
        "strlen",
        "malloc",
        "calloc",
        "realloc",
        "reallocarray",
        "free",
        "posix_memalign",
        "aligned_alloc",
        "memalign",
        "pthread_create",
        "pthread_join",
        "pthread_detach",
        "clone3",
    ];
    NAMES.contains(&name)
}

/// The C library itself and the loader, of which usually not even the names are known.
fn is_c_library(module: Option<&str>) -> bool {
    let file = module.and_then(|module| module.rsplit('/').next()).unwrap_or("");
    ["libc.so", "libc-", "libpthread.so", "ld-linux"].iter().any(|prefix| file.starts_with(prefix))
}

/// racecheck's own primitives (`crates/sync`), which stand in for the standard library's.
fn is_shim_name(name: &str) -> bool {
    name.trim_start_matches('<').starts_with("racecheck::")
}

fn is_runtime_name(name: &str) -> bool {
    const PREFIXES: [&str; 5] =
        ["racecheck_intercept_", "racecheck_rt_", "racecheck_runtime::", "__tsan_", "__sanitizer_"];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// What runs before user code: only ever at the outer end of a stack.
fn is_start(name: &str) -> bool {
    const NAMES: [&str; 9] = [
        "_start",
        "start_thread",
        "clone",
        "clone3",
        "__clone3",
        "__libc_start_main",
        "__libc_start_main_impl",
        "__libc_start_call_main",
        "thread_start",
    ];
    const PARTS: [&str; 3] =
        ["__rust_begin_short_backtrace", "__rust_end_short_backtrace", "std::rt::lang_start"];
    NAMES.contains(&name) || PARTS.iter().any(|part| name.contains(part)) || is_doctest_harness(name)
}

/// What rustdoc writes around examples: the program that runs all of an edition's, and the function around
/// each.
fn is_doctest_harness(name: &str) -> bool {
    name.trim_start_matches('<').starts_with("doctest_runner_")
        || (name.starts_with("doctest_bundle_") && name.ends_with("::__main_fn"))
}

/// Calls of closures through the traits for that, and what stands between a call and the allocator.
fn is_adapter(name: &str) -> bool {
    const SHIMS: [&str; 4] = ["{shim", "{{shim", "{vtable", "{{vtable"];
    let calls_closure = name.contains("core::ops::function::Fn")
        && ["::call_once", "::call_mut", "::call"].iter().any(|call| name.ends_with(call));
    calls_closure
        || SHIMS.iter().any(|shim| name.contains(shim))
        || ["alloc::alloc::", "__rustc::", "__rust_", "__rdl_"].iter().any(|prefix| name.starts_with(prefix))
}
