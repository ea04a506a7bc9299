//! The subcommands. Each joins the other modules; none decides anything that could be a function there.

mod clean;
mod compile;
mod doctor;
mod env;
mod package;
mod run;

use std::process::ExitCode;

use crate::error::Result;
use crate::options::Command;

/// Does what the user asked for.
pub fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::Run(words) => run::run(words.words),
        Command::Build(words) => package::build(words.words),
        Command::Test(words) => package::check(&["test"], words.words),
        Command::Bench(words) => package::check(&["bench"], words.words),
        Command::Rustc(words) => compile::rustc(words.words),
        Command::Env(options) => env::print(options),
        Command::Clean => clean::clean(),
        Command::Doctor => doctor::examine(),
    }
}
