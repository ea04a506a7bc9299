//! racecheck in rustc's place (`RUSTC_WRAPPER`): adds instrumentation to the crates of the program under
//! test and leaves everything else alone. In the C compiler's place it does the same ([`c`]).
//!
//! Cargo is called with `--target`, so it compiles build scripts and proc macros without that option:
//! the line is drawn by cargo itself. What runs for each crate has to be quick: no argument parser,
//! one pass over the arguments, and `exec`.
//!
//! Never: prints to stdout, changes what is compiled for the host, or adds anything to a query.

mod arguments;
pub mod c;

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::error::{EXIT_STATUS, Error};
use crate::kit::Kit;
pub use arguments::{Call, Caller};

/// Variable that names the `RUSTC_WRAPPER` that the user has, to be called by this one.
pub const INNER_WRAPPER: &str = "RACECHECK_RUSTC_WRAPPER";

/// Does the work if this process was started as the wrapper. `None` if it was not.
pub fn run_if_called() -> Option<ExitCode> {
    let mut arguments = std::env::args_os();
    let (kit, role) = Kit::of_wrapper(Path::new(&arguments.next()?))?;
    let words: Vec<OsString> = arguments.collect();
    Some(match role {
        Role::Rustc => rustc(&kit, words),
        Role::Compiler(language) => compiler(&kit, language, words),
    })
}

/// In whose place this executable was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// As cargo's `RUSTC_WRAPPER`.
    Rustc,
    /// As a build script's C or C++ compiler.
    Compiler(c::Language),
}

fn rustc(kit: &Kit, command: Vec<OsString>) -> ExitCode {
    // Cargo puts RUSTC_WORKSPACE_WRAPPER, if there is one, before rustc; it gets the same options.
    let call = Call::new(command);
    let inner = std::env::var_os(INNER_WRAPPER).filter(|wrapper| !wrapper.is_empty());
    become_program(inner.into_iter().chain(call.for_checking(kit, Caller::Cargo)))
}

fn compiler(kit: &Kit, language: c::Language, arguments: Vec<OsString>) -> ExitCode {
    let named = std::env::var(language.inner_compiler()).unwrap_or_default();
    let named = if named.trim().is_empty() { language.usual_compiler() } else { &named };
    // As the cc crate takes it: a compiler, perhaps behind a launcher, and perhaps with options; or a path with
    // spaces in it.
    let words: Vec<OsString> = match Path::new(named).is_file() {
        true => vec![named.into()],
        false => named.split_whitespace().map(OsString::from).collect(),
    };
    let is_for_the_program = std::env::var_os(c::FOR_THE_PROGRAM).is_some();
    become_program(words.into_iter().chain(c::for_checking(arguments, kit, is_for_the_program)))
}

fn become_program(mut words: impl Iterator<Item = OsString>) -> ExitCode {
    let Some(program) = words.next() else {
        eprintln!("racecheck: called in rustc's place, but without rustc's command line");
        return ExitCode::from(EXIT_STATUS);
    };
    let source = Command::new(&program).args(words).exec();
    let program = program.to_string_lossy().into_owned();
    eprintln!("racecheck: {}", Error::Start { program, source, hint: "" });
    ExitCode::from(EXIT_STATUS)
}
