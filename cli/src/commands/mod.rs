//! The subcommands. Each joins the other modules; none decides anything that could be a function there.

mod clean;
mod compile;
mod doctor;
mod env;
mod explain;
mod package;
mod report;
mod run;
mod stats;

use std::process::ExitCode;

use crate::error::Result;
use crate::options::{Command, Request};
use crate::session::StatusOf;

/// Does what the user asks for.
pub fn run(request: Request) -> Result<ExitCode> {
    let Request { command, debug, reports, words } = request;
    match command {
        Command::Run => run::run(debug, reports, words),
        Command::Build => package::build(debug, words),
        Command::Test => package::check(&["test"], StatusOf::EachProcess, debug, reports, words),
        Command::Nextest => package::nextest(debug, reports, words),
        Command::Bench => package::check(&["bench"], StatusOf::EachProcess, debug, reports, words),
        Command::Rustc => compile::rustc(debug, words),
        Command::Env(options) => env::print(debug, options),
        Command::Clean => clean::clean(),
        Command::Doctor => doctor::examine(),
        Command::Report(command) => report::run(command),
        Command::Explain { code } => explain::print(code.as_deref()),
        Command::Stats { files } => stats::print(&files),
    }
}
