//! The `racecheck` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    racecheck_cli::main()
}
