//! Signal numbers, sets and masks.

use core::marker::PhantomData;

use super::Errno;
use super::syscall::{Number, syscall4};

/// A signal's number, 1 to 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Signal(u8);

impl Signal {
    /// Abnormal termination.
    pub const ABRT: Signal = Signal(libc::SIGABRT as u8);
    /// Invalid memory reference.
    pub const SEGV: Signal = Signal(libc::SIGSEGV as u8);
    /// Bus error.
    pub const BUS: Signal = Signal(libc::SIGBUS as u8);
    /// Illegal instruction.
    pub const ILL: Signal = Signal(libc::SIGILL as u8);
    /// Arithmetic error.
    pub const FPE: Signal = Signal(libc::SIGFPE as u8);
    /// Breakpoint.
    pub const TRAP: Signal = Signal(libc::SIGTRAP as u8);
    /// Bad system call.
    pub const SYS: Signal = Signal(libc::SIGSYS as u8);
    /// Urgent data on a socket; ignored by default.
    pub const URG: Signal = Signal(libc::SIGURG as u8);

    /// The signal of this number, if it is one.
    pub const fn new(number: i32) -> Option<Signal> {
        if number >= 1 && number <= 64 { Some(Signal(number as u8)) } else { None }
    }

    /// The number.
    pub const fn number(self) -> i32 {
        self.0 as i32
    }

    /// Whether the running instruction itself raises this signal, so that it can't be put off.
    pub const fn is_synchronous(self) -> bool {
        matches!(self, Signal::SEGV | Signal::BUS | Signal::ILL | Signal::FPE | Signal::TRAP | Signal::SYS)
    }
}

/// A set of signals in the kernel's form: bit `n - 1` for signal `n`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct SignalSet(u64);

impl SignalSet {
    /// No signal.
    pub const EMPTY: SignalSet = SignalSet(0);
    /// Every signal.
    pub const ALL: SignalSet = SignalSet(u64::MAX);
    /// Every signal that can be put off: all but those that an instruction raises.
    pub const ASYNCHRONOUS: SignalSet = SignalSet::ALL
        .without(Signal::SEGV)
        .without(Signal::BUS)
        .without(Signal::ILL)
        .without(Signal::FPE)
        .without(Signal::TRAP)
        .without(Signal::SYS);

    const fn bit(signal: Signal) -> u64 {
        1 << (signal.0 - 1)
    }

    /// The set with `signal` in it.
    pub const fn with(self, signal: Signal) -> SignalSet {
        SignalSet(self.0 | SignalSet::bit(signal))
    }

    /// The set with `signal` taken out.
    pub const fn without(self, signal: Signal) -> SignalSet {
        SignalSet(self.0 & !SignalSet::bit(signal))
    }

    /// Whether `signal` is in the set.
    pub const fn contains(self, signal: Signal) -> bool {
        self.0 & SignalSet::bit(signal) != 0
    }

    /// The kernel's form.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The set of this kernel form.
    pub const fn from_bits(bits: u64) -> SignalSet {
        SignalSet(bits)
    }
}

/// How [`change_mask`] applies its set to the thread's mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaskChange {
    /// Block the set's signals too.
    Block,
    /// Unblock the set's signals.
    Unblock,
    /// Block exactly the set's signals.
    Replace,
}

/// Changes the calling thread's mask of blocked signals; returns the former one.
pub fn change_mask(change: MaskChange, set: SignalSet) -> Result<SignalSet, Errno> {
    let how = match change {
        MaskChange::Block => libc::SIG_BLOCK,
        MaskChange::Unblock => libc::SIG_UNBLOCK,
        MaskChange::Replace => libc::SIG_SETMASK,
    };
    let mut former = SignalSet::EMPTY;
    // SAFETY: both sets live across the call and have the kernel's size, which is passed as well.
    unsafe {
        syscall4(
            Number(libc::SYS_rt_sigprocmask),
            how as usize,
            &raw const set as usize,
            &raw mut former as usize,
            size_of::<SignalSet>(),
        )
    }?;
    Ok(former)
}

/// While this lives, no signal that can be put off is delivered to the calling thread; dropping it restores
/// the former mask. Guards nest.
#[derive(Debug)]
pub struct SignalsBlocked {
    /// The mask to restore; `None` where a sandbox forbids the call, and then nothing was changed.
    former: Option<SignalSet>,
    /// The mask is the thread's, so the guard stays on it.
    thread_bound: PhantomData<*mut ()>,
}

impl SignalsBlocked {
    /// Blocks all asynchronous signals.
    pub fn new() -> SignalsBlocked {
        let former = change_mask(MaskChange::Block, SignalSet::ASYNCHRONOUS).ok();
        SignalsBlocked { former, thread_bound: PhantomData }
    }

    /// The mask that will be restored.
    pub fn former(&self) -> SignalSet {
        self.former.unwrap_or(SignalSet::EMPTY)
    }
}

impl Default for SignalsBlocked {
    fn default() -> SignalsBlocked {
        SignalsBlocked::new()
    }
}

impl Drop for SignalsBlocked {
    fn drop(&mut self) {
        if let Some(former) = self.former {
            let _ = change_mask(MaskChange::Replace, former);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn current() -> SignalSet {
        change_mask(MaskChange::Block, SignalSet::EMPTY).unwrap()
    }

    #[test]
    fn the_mask_comes_back_after_a_block() {
        let before = current();
        {
            let _outer = SignalsBlocked::new();
            {
                let _inner = SignalsBlocked::new();
                assert!(current().contains(Signal::URG));
            }
            assert!(current().contains(Signal::URG));
            assert!(!current().contains(Signal::SEGV) || before.contains(Signal::SEGV));
        }
        assert_eq!(current(), before);
    }

    #[test]
    fn sets_hold_what_was_put_in() {
        let set = SignalSet::EMPTY.with(Signal::URG).with(Signal::new(64).unwrap());
        assert!(set.contains(Signal::URG));
        assert!(!set.without(Signal::URG).contains(Signal::URG));
        assert_eq!(set.bits() >> 63, 1);
        assert_eq!(Signal::new(0), None);
        assert_eq!(Signal::new(65), None);
        for number in 1..=64 {
            let signal = Signal::new(number).unwrap();
            assert_ne!(SignalSet::ASYNCHRONOUS.contains(signal), signal.is_synchronous());
        }
    }
}
