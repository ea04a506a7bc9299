//! What makes instrumented code: the passes, as rustc and as rust-lld want to be told.
//!
//! The passes are LLVM's own ThreadSanitizer passes. `forceattrs` gives every function the attribute
//! that they ask for; without it only atomics are instrumented.

/// The pipeline that inserts the calls into the runtime.
pub const PASSES: &str = "forceattrs,tsan-module,function(tsan)";

/// LLVM's option that goes with `forceattrs`.
pub const FORCE_ATTRIBUTE: &str = "-force-attribute=sanitize_thread";

/// Whether unoptimised code is optimised before it is instrumented.
///
/// That removes most of the traffic with the stack and makes a debug build's run 2 to 4 times faster,
/// but folds frames and takes longer to build.
pub const OPTIMISE_FIRST: bool = false;

/// Bump this when instrumentation changes in a way that [`PASSES`] and the runtime don't show, so that
/// what was built before is built again.
pub const REVISION: u32 = 3;

/// The options that make rustc (and rustdoc, for doctests) instrument what it compiles.
pub fn compiler_options() -> [String; 2] {
    let passes = match OPTIMISE_FIRST {
        true => format!("-Cpasses=default<O1>,{PASSES}"),
        false => format!("-Cpasses={PASSES}"),
    };
    [passes, format!("-Cllvm-args={FORCE_ATTRIBUTE}")]
}
