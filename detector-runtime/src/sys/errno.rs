//! The kernel's error numbers as values.

use core::fmt;

/// An error number returned by the kernel (1 to 4095), as a value instead of libc's thread-local.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(u16);

impl Errno {
    /// Operation not permitted.
    pub const EPERM: Errno = Errno::from_constant(libc::EPERM);
    /// No such file or directory.
    pub const ENOENT: Errno = Errno::from_constant(libc::ENOENT);
    /// Interrupted by a signal.
    pub const EINTR: Errno = Errno::from_constant(libc::EINTR);
    /// Input/output error; from `/proc/self/mem` it means that the address is not mapped.
    pub const EIO: Errno = Errno::from_constant(libc::EIO);
    /// Bad file descriptor.
    pub const EBADF: Errno = Errno::from_constant(libc::EBADF);
    /// Try again; a futex word that did not hold the expected value.
    pub const EAGAIN: Errno = Errno::from_constant(libc::EAGAIN);
    /// Out of memory or address space.
    pub const ENOMEM: Errno = Errno::from_constant(libc::ENOMEM);
    /// Permission denied.
    pub const EACCES: Errno = Errno::from_constant(libc::EACCES);
    /// Bad address.
    pub const EFAULT: Errno = Errno::from_constant(libc::EFAULT);
    /// Already exists; from [`super::memory::reserve`], the range is in use.
    pub const EEXIST: Errno = Errno::from_constant(libc::EEXIST);
    /// Invalid argument.
    pub const EINVAL: Errno = Errno::from_constant(libc::EINVAL);
    /// No space left on device.
    pub const ENOSPC: Errno = Errno::from_constant(libc::ENOSPC);
    /// Not implemented by this kernel.
    pub const ENOSYS: Errno = Errno::from_constant(libc::ENOSYS);
    /// Timed out.
    pub const ETIMEDOUT: Errno = Errno::from_constant(libc::ETIMEDOUT);
    /// No such process or thread.
    pub const ESRCH: Errno = Errno::from_constant(libc::ESRCH);

    const MAX: usize = 4095;

    const fn from_constant(number: i32) -> Errno {
        Errno(number as u16)
    }

    /// Splits the kernel's return value: the last 4095 values of the address space are negated error numbers.
    #[inline]
    pub(super) fn decode(returned: usize) -> Result<usize, Errno> {
        let negated = returned.wrapping_neg();
        if negated.wrapping_sub(1) < Errno::MAX { Err(Errno(negated as u16)) } else { Ok(returned) }
    }

    /// The number, as libc's `errno` would hold it.
    pub const fn number(self) -> i32 {
        self.0 as i32
    }

    /// The constant's name, where this runtime has a use for it.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Errno::EPERM => "EPERM",
            Errno::ENOENT => "ENOENT",
            Errno::EINTR => "EINTR",
            Errno::EIO => "EIO",
            Errno::EBADF => "EBADF",
            Errno::EAGAIN => "EAGAIN",
            Errno::ENOMEM => "ENOMEM",
            Errno::EACCES => "EACCES",
            Errno::EFAULT => "EFAULT",
            Errno::EEXIST => "EEXIST",
            Errno::EINVAL => "EINVAL",
            Errno::ENOSPC => "ENOSPC",
            Errno::ENOSYS => "ENOSYS",
            Errno::ETIMEDOUT => "ETIMEDOUT",
            Errno::ESRCH => "ESRCH",
            _ => return None,
        })
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "errno {}", self.0),
        }
    }
}

impl core::error::Error for Errno {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decode_tells_errors_from_addresses() {
        assert_eq!(Errno::decode(0), Ok(0));
        assert_eq!(Errno::decode(0x7fff_ffff_f000), Ok(0x7fff_ffff_f000));
        assert_eq!(Errno::decode((-4096isize) as usize), Ok((-4096isize) as usize));
        assert_eq!(Errno::decode((-4095isize) as usize), Err(Errno(4095)));
        assert_eq!(Errno::decode((-12isize) as usize), Err(Errno::ENOMEM));
        assert_eq!(Errno::decode(usize::MAX), Err(Errno::EPERM));
    }

    #[test]
    fn unnamed_errors_show_their_number() {
        assert_eq!(Errno::ENOMEM.to_string(), "ENOMEM");
        assert_eq!(Errno(77).to_string(), "errno 77");
    }
}
