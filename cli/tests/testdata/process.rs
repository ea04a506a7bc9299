//! Commands that are killed, with everything they started, when they take too long.

use std::fmt;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// What came of a command.
#[derive(Debug)]
pub struct Ran {
    /// As shells give it: 128 and the signal if one killed it.
    pub status: i32,
    pub stderr: String,
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {}, on stderr:\n{}", self.status, self.stderr)
    }
}

/// Runs it in a process group of its own.
pub fn run(mut command: Command, limit: Duration) -> Result<Ran, String> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    let child = command.spawn().map_err(|error| format!("{command:?} does not start: {error}"))?;
    let group = libc::pid_t::try_from(child.id()).expect("a process id fits");
    let (done, result) = mpsc::channel();
    let waiter = thread::spawn(move || done.send(wait(child)));
    let ran = match result.recv_timeout(limit) {
        Ok(ran) => Ok(ran),
        Err(RecvTimeoutError::Timeout) => {
            // SAFETY: the group is that of a child which the waiter has not seen the end of.
            unsafe { libc::kill(-group, libc::SIGKILL) };
            let ran = result.recv().expect("the waiter sends what it saw");
            Err(format!("killed after {} s; {ran}", limit.as_secs()))
        }
        Err(RecvTimeoutError::Disconnected) => Err(format!("{command:?} was lost")),
    };
    let _ = waiter.join();
    ran
}

fn wait(mut child: Child) -> Ran {
    let mut stderr = Vec::new();
    child.stderr.take().expect("stderr is piped").read_to_end(&mut stderr).expect("a pipe can be read");
    let status = child.wait().expect("a child can be waited for");
    Ran {
        status: status.code().or_else(|| Some(128 + status.signal()?)).expect("it exited or was killed"),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    }
}
