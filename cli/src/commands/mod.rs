//! The subcommands. Each joins the other modules; none decides anything that could be a function there.

mod clean;
mod compile;
mod doctor;
mod env;
mod package;
mod run;

use std::ffi::OsString;
use std::process::ExitCode;

use crate::error::Result;
use crate::options::Command;

/// Does what the user asked for, with the words that are for others.
pub fn run(command: Command, words: Vec<OsString>) -> Result<ExitCode> {
    match command {
        Command::Run => run::run(words),
        Command::Build => package::build(words),
        Command::Test => package::check(&["test"], words),
        Command::Bench => package::check(&["bench"], words),
        Command::Rustc => compile::rustc(words),
        Command::Env(options) => env::print(options),
        Command::Clean => clean::clean(),
        Command::Doctor => doctor::examine(),
    }
}
