//! The subcommands. Each joins the other modules; none decides anything that could be a function there.

mod clean;
mod compile;
mod doctor;
mod documents;
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
    let Request { command, manner, reports, words } = request;
    match command {
        Command::Run => run::run(manner, reports, words),
        Command::Build => package::build(manner, words),
        Command::Test => package::check(&["test"], StatusOf::EachProcess, manner, reports, words),
        Command::Nextest => package::nextest(manner, reports, words),
        Command::Bench => package::check(&["bench"], StatusOf::EachProcess, manner, reports, words),
        Command::Rustc => compile::rustc(manner, words),
        Command::Env(options) => env::print(manner, options),
        Command::Clean(options) => clean::clean(&options, manner.verbosity),
        Command::Doctor => doctor::examine(),
        Command::Report(command) => report::run(command),
        Command::Explain { code } => explain::print(code.as_deref()),
        Command::Stats { files } => stats::print(&files),
        Command::Completions(options) => documents::completions(options.shell),
        Command::Man(options) => documents::manual(options.folder.as_deref()),
    }
}
