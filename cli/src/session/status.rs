//! The rule for the exit status.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use crate::error::EXIT_STATUS;

/// What a session saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No process reported anything.
    Silent,
    /// Something was reported.
    Reported,
    /// Nothing was reported, but a file that was asked for could not be written.
    Failed,
}

/// The program's own status where it is not 0; where it is, `exitcode` if something was reported.
pub fn decide(child: ExitStatus, outcome: Outcome, exitcode: u8) -> u8 {
    match (of_child(child), outcome) {
        (0, Outcome::Reported) => exitcode,
        (0, Outcome::Failed) => EXIT_STATUS,
        (own, _) => own,
    }
}

/// A child's status, as shells give it: 128 and the signal if one killed it.
pub fn of_child(status: ExitStatus) -> u8 {
    let number = status.code().or_else(|| Some(128 + status.signal()?)).unwrap_or(1);
    // wait(2) gives eight bits of an exit status, and signals end at 64.
    u8::try_from(number).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exited(code: i32) -> ExitStatus {
        ExitStatus::from_raw(code << 8)
    }

    #[test]
    fn the_programs_own_failure_wins() {
        assert_eq!(decide(exited(3), Outcome::Reported, 66), 3);
        assert_eq!(decide(exited(3), Outcome::Silent, 66), 3);
    }

    #[test]
    fn a_report_never_ends_in_success() {
        assert_eq!(decide(exited(0), Outcome::Reported, 66), 66);
        assert_eq!(decide(exited(0), Outcome::Silent, 66), 0);
    }

    #[test]
    fn a_file_that_was_not_written_is_a_failure() {
        assert_eq!(decide(exited(0), Outcome::Failed, 66), EXIT_STATUS);
        assert_eq!(decide(exited(3), Outcome::Failed, 66), 3);
    }

    #[test]
    fn the_exit_code_can_be_chosen() {
        assert_eq!(decide(exited(0), Outcome::Reported, 0), 0);
        assert_eq!(decide(exited(0), Outcome::Reported, 7), 7);
    }

    #[test]
    fn a_signal_is_given_as_shells_do() {
        assert_eq!(of_child(ExitStatus::from_raw(libc::SIGSEGV)), 128 + 11);
        assert_eq!(of_child(ExitStatus::from_raw(libc::SIGTERM)), 128 + 15);
    }
}
