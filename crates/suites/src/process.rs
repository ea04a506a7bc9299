//! Programs that are run to their end or to a time limit, with their output in one file.
//!
//! stdout and stderr go to the same open file, so that what cargo says (which test program runs now)
//! stands where it belongs among the verdicts that the program prints.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};

/// How often a running program is looked at.
const POLL: Duration = Duration::from_millis(50);

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself.
    Exited(ExitStatus),
    /// It was killed at the time limit, with all processes that it had started.
    TooLong,
}

/// Runs `command`, with all that it prints in the file `log`.
pub fn run(command: &mut Command, log: &Path, limit: Duration) -> Result<End> {
    let out = File::create(log).map_err(Error::file("create", log))?;
    let err = out.try_clone().map_err(Error::file("create", log))?;
    // A group of its own, so that the test programs below cargo can be ended with it.
    command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
    let mut child = command.spawn().map_err(|source| Error::Start {
        program: command.get_program().to_string_lossy().into_owned(),
        source,
    })?;
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().map_err(Error::file("wait for the program of", log))? {
            return Ok(End::Exited(status));
        }
        if Instant::now() >= deadline {
            kill_group(&mut child);
            return Ok(End::TooLong);
        }
        thread::sleep(POLL);
    }
}

#[cold]
fn kill_group(child: &mut Child) {
    if let Ok(group) = libc::pid_t::try_from(child.id()) {
        // SAFETY: killpg takes plain numbers. The group is the child's own (process_group(0)), and it still
        // exists: the child is not waited for yet.
        unsafe { libc::killpg(group, libc::SIGKILL) };
    }
    // It was killed; whether it can be waited for makes no difference any more.
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn output_of_both_streams_is_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "echo one; echo two >&2; echo three; exit 3"]);
        let end = run(&mut command, &log, Duration::from_secs(60)).unwrap();
        assert!(matches!(end, End::Exited(status) if status.code() == Some(3)));
        assert_eq!(std::fs::read_to_string(log).unwrap(), "one\ntwo\nthree\n");
    }

    #[test]
    fn a_program_is_ended_at_the_limit_with_its_children() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 1000 & wait"]);
        assert_eq!(run(&mut command, &log, Duration::from_millis(200)).unwrap(), End::TooLong);
    }
}
