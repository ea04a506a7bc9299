//! `cargo racecheck`: the same as `racecheck`, found by cargo.

use std::process::ExitCode;

fn main() -> ExitCode {
    racecheck_cli::main()
}
