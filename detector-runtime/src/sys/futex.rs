//! Waiting on a word of memory.

use core::sync::atomic::AtomicU32;

use super::Errno;
use super::syscall::{Number, syscall3, syscall4};
use super::time::{Duration, Timespec};

const WAIT: usize = (libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG) as usize;
const WAKE: usize = (libc::FUTEX_WAKE | libc::FUTEX_PRIVATE_FLAG) as usize;

/// Why a wait ended. All but [`Wait::TimedOut`] mean: look at the word again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Woken, perhaps for no reason.
    Woken,
    /// The word did not hold the expected value, or a signal came.
    Retry,
    /// The time is over.
    TimedOut,
}

/// Sleeps while `word` holds `expected`, until [`wake`] or for no reason.
pub fn wait(word: &AtomicU32, expected: u32) -> Wait {
    // SAFETY: the kernel reads the word atomically; it outlives the call as it is borrowed. A null timeout waits
    // without limit.
    let result =
        unsafe { syscall4(Number(libc::SYS_futex), word.as_ptr() as usize, WAIT, expected as usize, 0) };
    classify(result)
}

/// Like [`wait`], for at most `limit`.
pub fn wait_for(word: &AtomicU32, expected: u32, limit: Duration) -> Wait {
    let limit = Timespec::from(limit);
    // SAFETY: as in `wait`; the timeout lives across the call and has the kernel's layout.
    let result = unsafe {
        syscall4(
            Number(libc::SYS_futex),
            word.as_ptr() as usize,
            WAIT,
            expected as usize,
            &raw const limit as usize,
        )
    };
    classify(result)
}

fn classify(result: Result<usize, Errno>) -> Wait {
    match result {
        Ok(_) => Wait::Woken,
        Err(Errno::ETIMEDOUT) => Wait::TimedOut,
        Err(_) => Wait::Retry,
    }
}

/// Wakes at most `count` of the threads that wait on `word`; returns how many there were.
///
/// Takes an address because the word's owner may free it as soon as a waiter sees its new value; an address
/// without waiters is harmless.
pub fn wake(word: *const AtomicU32, count: u32) -> usize {
    // The kernel takes the count as signed, and wakes a single thread for a negative one.
    let count = count.min(i32::MAX as u32);
    // SAFETY: the kernel uses the address as a key only.
    unsafe { syscall3(Number(libc::SYS_futex), word.addr(), WAKE, count as usize) }.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering;

    use super::*;

    #[test]
    fn a_changed_word_is_not_waited_for() {
        assert_eq!(wait(&AtomicU32::new(1), 0), Wait::Retry);
        assert_eq!(wait_for(&AtomicU32::new(0), 0, Duration::from_micros(100)), Wait::TimedOut);
        assert_eq!(wake(&AtomicU32::new(0), 1), 0);
    }

    #[test]
    fn a_waiter_is_woken() {
        let word = AtomicU32::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while word.load(Ordering::Acquire) == 0 {
                    wait(&word, 0);
                }
            });
            word.store(1, Ordering::Release);
            wake(&word, 1);
        });
    }
}
