//! What makes instrumented code: the passes, as rustc and as rust-lld want to be told.
//!
//! The passes are LLVM's own ThreadSanitizer passes. `forceattrs` gives every function the attribute
//! that they ask for; without it only atomics are instrumented.
//!
//! # Two rounds
//!
//! The pass has no call for an atomic maximum or minimum (`fetch_max`, `fetch_min`) and leaves it alone. It has one
//! for what that becomes in code generation, a loop around a compare-exchange, and `atomic-expand` makes the loop
//! earlier. That pass can't come first: it would make loops of other operations too, and the plain load
//! with which a loop begins would be taken for one of the program's. So the pass comes twice:
//!
//! 1. After the first round each atomic operation but those is a call, which `atomic-expand` does not touch.
//! 2. The second round finds the compare-exchanges of the loops. It also finds again all plain accesses, and the
//!    loops' first loads, and inserts calls for them.
//!
//! The plain accesses' calls of the first round are renamed before the second (`rewrite-symbols`), to names
//! under which the runtime has the same functions (see [`rounds`]). What then has the old name is
//! declared to be without effect (`forceattrs` again), so that `dce` removes it.
//!
//! A compare-exchange that fails acquires what the operation would have acquired from that value. So an operation
//! that is contended may be ordered after a value that it did not replace; this can hide a race, and never makes
//! one up.

pub mod rounds;

use std::path::Path;

use crate::inlined;

/// The pipeline that inserts the calls into the runtime.
///
/// Loads whose value nobody uses go first: in code of opt-level 0 rustc loads an enum's tag together with its
/// payload, and code generation drops what is not needed, so the call would tell of a load that is never done.
pub const PASSES: &str = "forceattrs,function(dce),tsan-module,function(tsan),\
     rewrite-symbols,function(atomic-expand,tsan),forceattrs,function(dce)";

/// The pipeline, and behind it the fast paths are inlined, if they are.
pub fn pipeline(inlines: bool) -> String {
    if inlines { format!("{PASSES},{}", inlined::PASSES) } else { PASSES.to_owned() }
}

/// LLVM's option that has every function instrumented. Without it, it is those that [`MORE_ATTRIBUTES`] says.
pub const WHOLE: &str = "-force-attribute=sanitize_thread";

/// LLVM's options that go with [`pipeline`]. `renames` is a file with [`renames`] in it, `fast_paths` what is inlined.
pub fn llvm_options(renames: &Path, fast_paths: Option<&Path>) -> Vec<String> {
    let mut options = vec![format!("-rewrite-map-file={}", renames.display())];
    for function in rounds::REPEATED {
        let name = rounds::name_by_pass(function);
        // An attribute with a number, which is 0 if none is given: it touches no memory.
        options.push(format!("-force-attribute={name}:memory"));
        options.push(format!("-force-attribute={name}:willreturn"));
    }
    options.extend(fast_paths.into_iter().flat_map(inlined::llvm_options));
    options
}

/// What `rewrite-symbols` renames after the first round.
pub fn renames() -> String {
    let line = |function| {
        let (from, to) = (rounds::name_by_pass(function), rounds::name_of_first(function));
        format!("function: {{ source: {from}, target: {to} }}\n")
    };
    rounds::REPEATED.into_iter().map(line).collect()
}

/// True for functions of std during which the runtime looks away, by their mangled names.
///
/// std keeps a table of all threads for its message about stack overflow, behind a lock that each thread takes
/// when it begins and when it ends. Seen as synchronisation, it would order every thread after all that ended
/// before, and hide races between them that no program may count on. Nothing else uses that table.
pub fn is_unseen(function: &str) -> bool {
    function.contains("14stack_overflow")
}

/// LLVM's option that goes with `forceattrs` and names a file with more attributes.
pub const MORE_ATTRIBUTES: &str = "-forceattrs-csv-path=";

/// The line of that file which makes the runtime look away while a function runs.
pub fn look_away(function: &str) -> String {
    format!("{function},sanitize_thread_no_checking_at_run_time=yes\n")
}

/// The line of that file which has a function instrumented.
pub fn look_at(function: &str) -> String {
    format!("{function},sanitize_thread\n")
}

/// The line of that file which leaves a function as it is.
pub fn leave_alone(function: &str) -> String {
    format!("{function},disable_sanitizer_instrumentation\n")
}

/// What happens to code of opt-level 0 before it is instrumented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Debug {
    /// Nothing: each access of the source is seen.
    #[default]
    AsItIs,
    /// It is optimised a little. That removes most of the traffic with the stack and makes the run of a
    /// debug build 2 to 5 times faster; checks for overflow and debug assertions stay. But an access that
    /// the optimiser finds useless is not seen, and a loop that waits for a racy flag may wait forever,
    /// as in a release build.
    OptimisedFirst,
}

/// What happens to the C and C++ that build scripts of the program's crates compile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CCode {
    /// It is instrumented, so that a race between it and Rust is seen.
    #[default]
    Instrumented,
    /// Nothing: its accesses are not seen, only its calls of libc.
    AsItIs,
}

/// How far rustc itself optimises a crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptLevel {
    /// Not at all.
    Zero,
    /// In whatever way.
    Some,
}

/// Bump this when instrumentation changes in a way that [`PASSES`] and the runtime don't show, so that
/// what was built before is built again.
pub const REVISION: u32 = 9;

/// The options that make rustc (and rustdoc, for doctests) instrument what it compiles. `llvm_options` is
/// a file with [`llvm_options`] in it.
pub fn compiler_options(debug: Debug, level: OptLevel, llvm_options: &Path, inlines: bool) -> [String; 2] {
    let first = match (debug, level) {
        (Debug::OptimisedFirst, OptLevel::Zero) => "default<O1>,",
        _ => "",
    };
    [format!("-Cpasses={first}{}", pipeline(inlines)), format!("-Cllvm-args=@{}", llvm_options.display())]
}
