//! Signals: a handler of the program never runs while its thread is inside the runtime.
//!
//! The kernel gets [`deliver`] in the place of the program's handler. If the thread is outside of the runtime,
//! or the running instruction itself raised the signal, the program's handler is called at once. Otherwise the
//! kernel is asked to put the signal off: it is queued for the thread once more, with all its information, and
//! blocked in the mask to which the return from the handler leads. The gate unblocks it on the way out, and the
//! kernel delivers it as it would have done: with its mask, on its stack, with the context of the program's code.
//! So there is no queue here that could overflow, and nothing of the kernel's rules is written a second time.
//!
//! What a thread did before it installed a handler, or before it sent a signal, is ordered before the
//! handler's run, before the return of the call that waits for the signal, and before the read of a signalfd.
//!
//! Invariants:
//! - Everything here may be called by a handler: no lock, no allocation.
//! - A thread is never new to the runtime or on its way out while handlers can run: those who begin and end
//!   threads block signals meanwhile.
//! - `SA_RESETHAND` is not left to the kernel, which would count a signal that is put off as delivered.

use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU64, Ordering};

use racecheck_engine::Channel;

use super::memory::set_errno;
use super::real::real;
use super::{descriptor, intercept};
use crate::gate::enter;
use crate::local::{Local, local};
use crate::sys::process;
use crate::sys::signal::{MaskChange, Signal, SignalSet, change_mask};
use crate::sys::syscall::{Number, syscall4};
use crate::thread::ThreadState;

real! {
    fn sigaction(signal: c_int, new: *const libc::sigaction, old: *mut libc::sigaction) -> c_int;
    fn sigwait(set: *const libc::sigset_t, signal: *mut c_int) -> c_int;
    fn sigwaitinfo(set: *const libc::sigset_t, info: *mut libc::siginfo_t) -> c_int;
    fn sigtimedwait(
        set: *const libc::sigset_t,
        info: *mut libc::siginfo_t,
        timeout: *const libc::timespec,
    ) -> c_int;
    fn kill(process: libc::pid_t, signal: c_int) -> c_int;
    fn killpg(group: libc::pid_t, signal: c_int) -> c_int;
    fn tgkill(process: libc::pid_t, thread: libc::pid_t, signal: c_int) -> c_int;
    fn sigqueue(process: libc::pid_t, signal: c_int, value: usize) -> c_int;
    fn pthread_kill(thread: libc::pthread_t, signal: c_int) -> c_int;
    fn pthread_sigqueue(thread: libc::pthread_t, signal: c_int, value: usize) -> c_int;
}

/// What the program wants to be called for a signal, in one word so that a handler sees it whole.
///
/// ```text
/// 63      62       61        48 47                     0
/// [ once ][ plain ][    0     ][  address of function  ]
/// ```
/// `once`: the signal goes back to its default before the handler runs (`SA_RESETHAND`). `plain`: the program
/// did not ask for `SA_SIGINFO`. The word is 0 while the program has not installed a handler.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Handler(u64);

type Function = unsafe extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);

impl Handler {
    const ONCE: u64 = 1 << 63;
    const PLAIN: u64 = 1 << 62;

    /// The handler of an action that has one.
    fn of(action: &libc::sigaction) -> Option<Handler> {
        let address = action.sa_sigaction as u64;
        // SIG_DFL, SIG_IGN, and SIG_ERR, which the kernel shall judge.
        if address <= libc::SIG_IGN as u64 || action.sa_sigaction == libc::SIG_ERR {
            return None;
        }
        let once = if action.sa_flags & libc::SA_RESETHAND != 0 { Self::ONCE } else { 0 };
        let plain = if action.sa_flags & libc::SA_SIGINFO == 0 { Self::PLAIN } else { 0 };
        Some(Handler(address & (Self::PLAIN - 1) | once | plain))
    }

    fn address(self) -> usize {
        (self.0 & (Self::PLAIN - 1)) as usize
    }

    /// A plain handler has one parameter only; the kernel passes three to every handler.
    fn function(self) -> Option<Function> {
        let address = self.address();
        // SAFETY: an address that the program passed for a handler; `None` is the null pointer.
        unsafe { core::mem::transmute::<usize, Option<Function>>(address) }
    }

    /// The flags of the action as the program wrote them, given the kernel's.
    fn flags(self, kernels: c_int) -> c_int {
        let once = if self.0 & Self::ONCE != 0 { libc::SA_RESETHAND } else { 0 };
        let plain = if self.0 & Self::PLAIN != 0 { libc::SA_SIGINFO } else { 0 };
        kernels & !plain | once
    }
}

/// The handlers by signal; the entry's address is also the sync object of the signal.
static HANDLERS: [AtomicU64; 65] = [const { AtomicU64::new(0) }; 65];

fn entry(signal: Signal) -> &'static AtomicU64 {
    &HANDLERS[signal.number() as usize]
}

fn object(signal: Signal) -> u64 {
    core::ptr::from_ref(entry(signal)) as u64
}

/// What the thread did so far is ordered before those who get `signal` from now on.
fn release(signal: c_int) {
    if let Some(signal) = Signal::new(signal) {
        enter(|rt, thread| {
            rt.engine.release(&mut thread.engine, object(signal), Channel::OWNER);
            descriptor::signal_sent(rt, thread);
        });
    }
}

fn acquire(signal: c_int) {
    if let Some(signal) = Signal::new(signal) {
        enter(|rt, thread| rt.engine.acquire(&mut thread.engine, object(signal), Channel::OWNER));
    }
}

/// What the kernel calls.
unsafe extern "C" fn deliver(number: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    let Some(signal) = Signal::new(number) else { return };
    // SAFETY: the block is the running thread's own.
    let state = unsafe { (*local()).state };
    // SAFETY: the kernel passes the information of this signal and the context that it interrupted.
    unsafe {
        // Signals that were put off and are not yet unblocked come first.
        if state > Local::GONE
            && ((*state).busy.load(Ordering::Relaxed)
                || (*state).pending_signals.load(Ordering::Relaxed) != 0)
            && !(signal.is_synchronous() && (*info).si_code > 0)
        {
            return put_off(state, signal, info, context.cast());
        }
        run(signal, info, context);
    }
}

/// Has the kernel deliver the signal again once the gate is open.
#[cold]
unsafe fn put_off(
    state: *mut ThreadState,
    signal: Signal,
    info: *mut libc::siginfo_t,
    context: *mut libc::ucontext_t,
) {
    let bit = SignalSet::EMPTY.with(signal).bits();
    // SAFETY: the state is the running thread's; the context is the kernel's, of whose mask it reads back the
    // first 64 bits; the information is what the kernel itself wrote.
    unsafe {
        (*state).pending_signals.fetch_or(bit, Ordering::Relaxed);
        let mask = (&raw mut (*context).uc_sigmask).cast::<u64>();
        mask.write(mask.read() | bit);
        let (pid, tid) = (process::process_id(), process::thread_id());
        let queued = syscall4(
            Number(libc::SYS_rt_tgsigqueueinfo),
            pid.0 as usize,
            tid.0 as usize,
            signal.number() as usize,
            info as usize,
        );
        if queued.is_err() {
            // A sandbox may forbid it, or the queue be full: better without information than not at all. Should
            // this fail as well, there is no way left.
            let _ = process::send_signal(pid, tid, signal);
        }
    }
}

/// Runs the program's handler.
unsafe fn run(signal: Signal, info: *mut libc::siginfo_t, context: *mut c_void) {
    let handler = Handler(entry(signal).load(Ordering::Acquire));
    let Some(function) = handler.function() else { return };
    if handler.0 & Handler::ONCE != 0 {
        reset(signal);
    }
    acquire(signal.number());
    let block = local();
    // SAFETY: the block is the running thread's own.
    let known = unsafe { (*block).known };
    // SAFETY: the program's function for this signal, with what the kernel passed.
    unsafe { function(signal.number(), info, context) };
    // The interrupted function may be about to fill the entry that it has just made on the shadow call stack:
    // whatever the handler looked up there is forgotten.
    // SAFETY: the block is the running thread's own; entries below `known` were known when they were the same.
    unsafe {
        if !known.is_null() && known < (*block).known {
            (*block).known = known;
        }
    }
}

/// The kernel's structure.
#[repr(C)]
struct KernelAction {
    handler: usize,
    flags: usize,
    restorer: usize,
    mask: u64,
}

/// Gives the signal its default action.
fn reset(signal: Signal) {
    let default = KernelAction { handler: libc::SIG_DFL, flags: 0, restorer: 0, mask: 0 };
    // SAFETY: the kernel reads one structure of its own form, which lives across the call; the default action
    // needs no restorer.
    let _ = unsafe {
        syscall4(
            Number(libc::SYS_rt_sigaction),
            signal.number() as usize,
            &raw const default as usize,
            0,
            size_of::<u64>(),
        )
    };
}

/// Has the kernel deliver what was put off. Called by the gate, after the thread has left the runtime.
#[cold]
pub fn run_pending(signals: &AtomicU64) {
    let pending = signals.swap(0, Ordering::Relaxed);
    // It cannot fail: the set and the way to apply it are valid.
    let _ = change_mask(MaskChange::Unblock, SignalSet::from_bits(pending));
}

/// libc's `sigaction`, with the program's handler in the table and ours in the kernel.
///
/// # Safety
/// As for that function.
unsafe fn set_action(number: c_int, new: *const libc::sigaction, old: *mut libc::sigaction) -> c_int {
    let Some(signal) = Signal::new(number) else {
        // SAFETY: the caller's promise.
        return unsafe { sigaction(number, new, old) };
    };
    let mut kernels = MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: the caller's promise: `new` is null or an action.
    let handler = unsafe { new.as_ref() }.and_then(Handler::of);
    let (result, former) = match handler {
        Some(handler) => {
            release(number);
            // The table first: the kernel may deliver as soon as it knows.
            let former = Handler(entry(signal).swap(handler.0, Ordering::AcqRel));
            // SAFETY: the caller's promise.
            let mut action = unsafe { *new };
            action.sa_sigaction = deliver as *const () as usize;
            action.sa_flags = action.sa_flags & !libc::SA_RESETHAND | libc::SA_SIGINFO;
            // SAFETY: a complete action, and room for one.
            let result = unsafe { sigaction(number, &raw const action, kernels.as_mut_ptr()) };
            if result != 0 {
                // Unless somebody else was faster, all is as before.
                let _ =
                    entry(signal).compare_exchange(handler.0, former.0, Ordering::AcqRel, Ordering::Relaxed);
            }
            (result, former)
        }
        None => {
            let former = Handler(entry(signal).load(Ordering::Acquire));
            // SAFETY: the caller's promise, and room for an action.
            (unsafe { sigaction(number, new, kernels.as_mut_ptr()) }, former)
        }
    };
    if result == 0 && !old.is_null() {
        // SAFETY: the call succeeded, so the action is filled in; `old` has room for one by the caller's promise.
        unsafe {
            let mut action = kernels.assume_init();
            if action.sa_sigaction == deliver as *const () as usize {
                action.sa_sigaction = former.address();
                action.sa_flags = former.flags(action.sa_flags);
            }
            *old = action;
        }
    }
    result
}

intercept! {
    fn racecheck_intercept_sigaction(
        signal: c_int, new: *const libc::sigaction, old: *mut libc::sigaction; _pc in "rcx"
    ) -> c_int {
        set_action(signal, new, old)
    }
}

/// `signal` in its many forms: installs `function`, returns the former one or `SIG_ERR`.
unsafe fn set_function(number: c_int, function: usize, flags: c_int) -> usize {
    // SAFETY: all zero is an action: the default one with an empty mask.
    let (mut new, mut old) = unsafe { core::mem::zeroed::<(libc::sigaction, libc::sigaction)>() };
    if function == libc::SIG_ERR || Signal::new(number).is_none() {
        set_errno(libc::EINVAL);
        return libc::SIG_ERR;
    }
    new.sa_sigaction = function;
    new.sa_flags = flags;
    // SAFETY: both actions are complete; the program promises that `function` is a handler.
    match unsafe { set_action(number, &raw const new, &raw mut old) } {
        0 => old.sa_sigaction,
        _ => libc::SIG_ERR,
    }
}

/// `signal` as BSD has it: the handler stays, and system calls go on.
const BSD: c_int = libc::SA_RESTART;
/// `signal` as System V has it: for one signal, which is not blocked meanwhile.
const SYSTEM_V: c_int = libc::SA_RESETHAND | libc::SA_NODEFER;

intercept! {
    fn racecheck_intercept_signal(signal: c_int, function: usize; _pc in "rdx") -> usize {
        set_function(signal, function, BSD)
    }
}

intercept! {
    fn racecheck_intercept_bsd_signal(signal: c_int, function: usize; _pc in "rdx") -> usize {
        set_function(signal, function, BSD)
    }
}

intercept! {
    fn racecheck_intercept_ssignal(signal: c_int, function: usize; _pc in "rdx") -> usize {
        set_function(signal, function, BSD)
    }
}

intercept! {
    fn racecheck_intercept_sysv_signal(signal: c_int, function: usize; _pc in "rdx") -> usize {
        set_function(signal, function, SYSTEM_V)
    }
}

intercept! {
    fn racecheck_intercept___sysv_signal(signal: c_int, function: usize; _pc in "rdx") -> usize {
        set_function(signal, function, SYSTEM_V)
    }
}

/// In place of a function, for `sigset`: the signal is blocked.
const HOLD: usize = 2;

intercept! {
    fn racecheck_intercept_sigset(signal: c_int, function: usize; _pc in "rdx") -> usize {
        let Some(one) = Signal::new(signal) else {
            set_errno(libc::EINVAL);
            return libc::SIG_ERR;
        };
        let set = SignalSet::EMPTY.with(one);
        let (change, former) = match function {
            HOLD => {
                let mut old = core::mem::zeroed::<libc::sigaction>();
                let result = set_action(signal, core::ptr::null(), &raw mut old);
                (MaskChange::Block, if result == 0 { old.sa_sigaction } else { libc::SIG_ERR })
            }
            _ => (MaskChange::Unblock, set_function(signal, function, 0)),
        };
        if former == libc::SIG_ERR {
            return former;
        }
        match change_mask(change, set) {
            Ok(mask) if mask.contains(one) => HOLD,
            _ => former,
        }
    }
}

intercept! {
    fn racecheck_intercept_sigwait(set: *const libc::sigset_t, signal: *mut c_int; _pc in "rdx") -> c_int {
        let result = sigwait(set, signal);
        if result == 0 {
            acquire(*signal);
        }
        result
    }
}

intercept! {
    fn racecheck_intercept_sigwaitinfo(
        set: *const libc::sigset_t, info: *mut libc::siginfo_t; _pc in "rdx"
    ) -> c_int {
        let signal = sigwaitinfo(set, info);
        acquire(signal);
        signal
    }
}

intercept! {
    fn racecheck_intercept_sigtimedwait(
        set: *const libc::sigset_t, info: *mut libc::siginfo_t, timeout: *const libc::timespec; _pc in "rcx"
    ) -> c_int {
        let signal = sigtimedwait(set, info, timeout);
        acquire(signal);
        signal
    }
}

intercept! {
    fn racecheck_intercept_kill(process: libc::pid_t, signal: c_int; _pc in "rdx") -> c_int {
        release(signal);
        kill(process, signal)
    }
}

intercept! {
    fn racecheck_intercept_killpg(group: libc::pid_t, signal: c_int; _pc in "rdx") -> c_int {
        release(signal);
        killpg(group, signal)
    }
}

intercept! {
    fn racecheck_intercept_tgkill(process: libc::pid_t, thread: libc::pid_t, signal: c_int; _pc in "rcx") -> c_int {
        release(signal);
        tgkill(process, thread, signal)
    }
}

intercept! {
    fn racecheck_intercept_sigqueue(process: libc::pid_t, signal: c_int, value: usize; _pc in "rcx") -> c_int {
        release(signal);
        sigqueue(process, signal, value)
    }
}

intercept! {
    fn racecheck_intercept_pthread_kill(thread: libc::pthread_t, signal: c_int; _pc in "rdx") -> c_int {
        release(signal);
        pthread_kill(thread, signal)
    }
}

intercept! {
    fn racecheck_intercept_pthread_sigqueue(
        thread: libc::pthread_t, signal: c_int, value: usize; _pc in "rcx"
    ) -> c_int {
        release(signal);
        pthread_sigqueue(thread, signal, value)
    }
}
