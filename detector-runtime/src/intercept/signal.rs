//! Signals: handlers of the program run when the thread is not inside the runtime.

use crate::thread::ThreadState;

/// Runs the handlers of signals that came while the thread was busy.
#[cold]
pub fn run_pending(_state: *mut ThreadState) {}
