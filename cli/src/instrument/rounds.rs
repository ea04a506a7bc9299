//! The names by which the calls of the pass's two rounds are told apart.
//!
//! The build script shares this file: it gives the runtime's functions their second name.

/// What both rounds insert calls of, without the prefix: all that is not an atomic operation, a fence or a
/// call in place of an intrinsic.
pub const REPEATED: [&str; 22] = [
    "func_entry",
    "func_exit",
    "ignore_thread_begin",
    "ignore_thread_end",
    "read1",
    "read2",
    "read4",
    "read8",
    "read16",
    "unaligned_read2",
    "unaligned_read4",
    "unaligned_read8",
    "unaligned_read16",
    "write1",
    "write2",
    "write4",
    "write8",
    "write16",
    "unaligned_write2",
    "unaligned_write4",
    "unaligned_write8",
    "unaligned_write16",
];

/// The name that the pass itself gives such a function. After the second round, a call of it is a repetition.
pub fn name_by_pass(function: &str) -> String {
    format!("__tsan_{function}")
}

/// The name that the first round's calls get.
pub fn name_of_first(function: &str) -> String {
    format!("racecheck_rt_{function}")
}
