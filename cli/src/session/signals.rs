//! Signals while a program runs under racecheck.
//!
//! To the user, racecheck and the program are one. A signal from the terminal reaches both, since they
//! are in one process group, so racecheck only has to survive it; one that is sent to racecheck alone
//! is passed on. Either way it waits for the program's end, prints what is left and keeps the status.

use std::mem::MaybeUninit;
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicI32, Ordering};

use crate::error::{Error, Result};

/// The signals by which people and machines end or steer a program.
const HANDLED: [libc::c_int; 6] =
    [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT, libc::SIGUSR1, libc::SIGUSR2];

/// Process id of the program while it runs; [`NOT_YET`] before, [`GONE`] after.
static CHILD: AtomicI32 = AtomicI32::new(NOT_YET);
const NOT_YET: i32 = 0;
const GONE: i32 = -1;

/// The last signal that came before the program ran; 0 for none.
static EARLY: AtomicI32 = AtomicI32::new(0);

/// Runs the command to its end.
pub fn wait_forwarding(command: &mut Command) -> Result<ExitStatus> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |source| Error::Start { program: program.clone(), source, hint: "" };
    CHILD.store(NOT_YET, Ordering::SeqCst);
    for signal in HANDLED {
        install(signal);
    }
    let mut child = command.spawn().map_err(failed)?;
    let id = child.id().cast_signed();
    CHILD.store(id, Ordering::SeqCst);
    let early = EARLY.swap(0, Ordering::SeqCst);
    if early != 0 {
        send(id, early);
    }
    await_end(child.id());
    CHILD.store(GONE, Ordering::SeqCst);
    child.wait().map_err(failed)
}

/// Waits for the end of a child without reaping it: until it is reaped, its id is nobody else's.
fn await_end(id: u32) {
    loop {
        // SAFETY: `siginfo_t` is a plain C structure that `waitid` fills in, and that is not read here.
        let result = unsafe {
            let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
            libc::waitid(libc::P_PID, id, info.as_mut_ptr(), libc::WEXITED | libc::WNOWAIT)
        };
        let interrupted = std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted;
        if result == 0 || !interrupted {
            return;
        }
    }
}

fn send(child: i32, signal: libc::c_int) {
    // SAFETY: `kill` touches no memory of this process. The id is that of a child not yet reaped.
    unsafe { libc::kill(child, signal) };
}

fn install(signal: libc::c_int) {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: `sigaction` is a plain C structure for which all bytes zero is a value (no flags, an
    // empty mask). The handler has the signature that SA_SIGINFO asks for.
    unsafe {
        let action = action.assume_init_mut();
        action.sa_sigaction = handle as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART;
        libc::sigaction(signal, action, std::ptr::null_mut());
    }
}

/// Passes a signal on, unless the terminal has sent it to the program as well. Only does what may be
/// done in a signal handler: atomic operations and `kill`.
extern "C" fn handle(signal: libc::c_int, info: *const libc::siginfo_t, _: *const libc::c_void) {
    // SAFETY: the handler is installed with SA_SIGINFO, so `info` points to what the kernel filled in.
    let sent_to_group = unsafe { (*info).si_code } == libc::SI_KERNEL;
    match CHILD.load(Ordering::SeqCst) {
        GONE => {}
        NOT_YET => EARLY.store(signal, Ordering::SeqCst),
        _ if sent_to_group => {}
        child => send(child, signal),
    }
}
