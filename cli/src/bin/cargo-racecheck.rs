//! `cargo racecheck …`: calls the `racecheck` beside it.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let racecheck = match std::env::current_exe() {
        Ok(own) => own.with_file_name("racecheck"),
        Err(_) => "racecheck".into(),
    };
    let mut words = std::env::args_os().skip(1).peekable();
    // Cargo repeats the subcommand: `cargo-racecheck racecheck test`.
    words.next_if(|word| word == "racecheck");
    let error = Command::new(&racecheck).args(words).exec();
    eprintln!("cargo-racecheck: could not start {}: {error}. Install racecheck again", racecheck.display());
    ExitCode::from(2)
}
