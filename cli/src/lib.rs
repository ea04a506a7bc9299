//! The racecheck command line: builds programs with instrumentation, runs them, shows what the
//! detector inside them reports, and decides the exit status.
//!
//! | module | what it does |
//! |---|---|
//! | [`commands`] | one function for each subcommand: joins the rest |
//! | [`options`] | the command line itself, from which help comes |
//! | [`cargo`], [`toolchain`] | finds cargo, rustc and the workspace; what is added to cargo's call |
//! | [`wrapper`] | racecheck as `RUSTC_WRAPPER`: adds instrumentation to the program's crates |
//! | [`instrument`], [`inlined`], [`focus`], [`runtime`], [`kit`] | the passes, the fast paths, the detector, and all that a build needs in one folder |
//! | [`sysroot`], [`cache`] | the instrumented standard library, made once for each toolchain |
//! | [`reports`] | findings outside of a run: files of them, suppressions, baseline, merge |
//! | [`session`] | a run: reports as they come, signals, status |
//! | [`binary`], [`shim`] | whether a file is a program that can be checked, and by whom |
//!
//! This crate is no library for others: its interface is the command.

pub mod allocator;
pub mod binary;
pub mod cache;
pub mod cargo;
pub mod commands;
pub mod error;
pub mod focus;
pub mod inlined;
pub mod instrument;
pub mod kit;
pub mod options;
pub mod progress;
pub mod reports;
pub mod runtime;
pub mod session;
pub mod shim;
pub mod sysroot;
pub mod toolchain;
pub mod wrapper;

use std::ffi::OsString;
use std::process::ExitCode;

use error::EXIT_STATUS;

/// Runs the command that this process was started as.
pub fn main() -> ExitCode {
    if let Some(status) = wrapper::run_if_called() {
        return status;
    }
    let mut words: Vec<OsString> = std::env::args_os().collect();
    if let Some(toolchain) = take_toolchain(&mut words) {
        // SAFETY: no other thread runs yet.
        unsafe {
            std::env::set_var("RUSTUP_TOOLCHAIN", toolchain);
            // The cargo that called this is of another toolchain.
            std::env::remove_var("CARGO");
            std::env::remove_var("RUSTC");
        }
    }
    commands::run(options::Request::parse(words)).unwrap_or_else(|error| {
        eprintln!("racecheck: {error}");
        ExitCode::from(EXIT_STATUS)
    })
}

/// Takes `+toolchain`, in the place where rustup's own commands have it, out of the words.
fn take_toolchain(words: &mut Vec<OsString>) -> Option<String> {
    let toolchain = words.get(1)?.to_str()?.strip_prefix('+')?.to_owned();
    words.remove(1);
    Some(toolchain)
}
