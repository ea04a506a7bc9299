//! The subcommands. Each joins the other modules; none decides anything that could be a function there.

mod clean;
mod compile;
mod doctor;
mod env;
mod package;
mod run;

use std::process::ExitCode;

use crate::error::Result;
use crate::options::{Command, Request};
use crate::session::StatusOf;

/// Does what the user asks for.
pub fn run(request: Request) -> Result<ExitCode> {
    let Request { command, debug, words } = request;
    match command {
        Command::Run => run::run(debug, words),
        Command::Build => package::build(debug, words),
        Command::Test => package::check(&["test"], StatusOf::EachProcess, debug, words),
        Command::Nextest => package::nextest(debug, words),
        Command::Bench => package::check(&["bench"], StatusOf::EachProcess, debug, words),
        Command::Rustc => compile::rustc(debug, words),
        Command::Env(options) => env::print(debug, options),
        Command::Clean => clean::clean(),
        Command::Doctor => doctor::examine(),
    }
}
