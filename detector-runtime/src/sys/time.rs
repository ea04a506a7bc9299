//! Clocks and sleeping.

use core::mem::MaybeUninit;
pub use core::time::Duration;

use super::Errno;
use super::syscall::{Number, syscall2};

/// The kernel's `struct timespec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(super) struct Timespec {
    seconds: i64,
    nanoseconds: i64,
}

impl From<Duration> for Timespec {
    fn from(duration: Duration) -> Timespec {
        Timespec {
            seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
            nanoseconds: i64::from(duration.subsec_nanos()),
        }
    }
}

/// A reading of the monotonic clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(Duration);

impl Instant {
    /// Reads the clock.
    pub fn now() -> Instant {
        Instant(read_clock(libc::CLOCK_MONOTONIC))
    }

    /// Time since `earlier`; zero if that is not earlier.
    pub fn since(self, earlier: Instant) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

/// Time since 1970 by the system's clock.
pub fn since_epoch() -> Duration {
    read_clock(libc::CLOCK_REALTIME)
}

fn read_clock(clock: i32) -> Duration {
    let mut time = MaybeUninit::<Timespec>::uninit();
    // SAFETY: the kernel fills one `struct timespec`.
    let result =
        unsafe { syscall2(Number(libc::SYS_clock_gettime), clock as usize, time.as_mut_ptr() as usize) };
    match result {
        Ok(_) => {
            // SAFETY: the call succeeded, so the structure is filled in.
            let time = unsafe { time.assume_init() };
            Duration::new(time.seconds as u64, time.nanoseconds as u32)
        }
        // A sandbox may forbid the call; a clock that stands still only delays what depends on it.
        Err(_) => Duration::ZERO,
    }
}

/// Sleeps for `duration`, going on after signals.
pub fn sleep(duration: Duration) {
    let mut left = Timespec::from(duration);
    loop {
        let mut rest = left;
        // SAFETY: both structures live across the call and have the kernel's layout.
        let result = unsafe {
            syscall2(Number(libc::SYS_nanosleep), &raw const left as usize, &raw mut rest as usize)
        };
        match result {
            Err(Errno::EINTR) => left = rest,
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_covers_a_sleep() {
        let start = Instant::now();
        sleep(Duration::from_millis(2));
        assert!(Instant::now().since(start) >= Duration::from_millis(2));
        assert_eq!(start.since(Instant::now()), Duration::ZERO);
    }

    #[test]
    fn the_wall_clock_is_the_systems() {
        let system = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        assert!(since_epoch().abs_diff(system) < Duration::from_secs(60));
    }
}
