//! The `syscall` instruction, by number of arguments.
//!
//! x86_64 Linux: the number is in `rax`, arguments are in `rdi rsi rdx r10 r8 r9`, the result is in `rax`;
//! the instruction itself overwrites `rcx` and `r11`. Negated error numbers are turned into [`Errno`] here
//! and nowhere else.

use core::arch::asm;

use super::Errno;

/// A system call's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(pub i64);

macro_rules! define_syscall {
    ($(#[$doc:meta])* $name:ident($($arg:ident in $register:tt),*)) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// The arguments must satisfy the call's own contract: pointers are valid for what the kernel reads and
        /// writes through them, and what the call changes (mappings, descriptors, signal state) is owned by
        /// the caller.
        #[inline(always)]
        #[allow(clippy::too_many_arguments, reason = "the kernel's interface has six")]
        pub unsafe fn $name(number: Number $(, $arg: usize)*) -> Result<usize, Errno> {
            let returned: usize;
            // SAFETY: the instruction clobbers rax, rcx and r11 only, all declared; it does not touch the stack.
            // Memory is not declared as untouched, so the compiler keeps it in order around the call. What the
            // kernel does with the arguments is the caller's promise.
            unsafe {
                asm!(
                    "syscall",
                    inlateout("rax") number.0 as usize => returned,
                    $(in($register) $arg,)*
                    lateout("rcx") _,
                    lateout("r11") _,
                    options(nostack, preserves_flags),
                );
            }
            Errno::decode(returned)
        }
    };
}

define_syscall! {
    /// A system call without arguments.
    syscall0()
}
define_syscall! {
    /// A system call with one argument.
    syscall1(a in "rdi")
}
define_syscall! {
    /// A system call with two arguments.
    syscall2(a in "rdi", b in "rsi")
}
define_syscall! {
    /// A system call with three arguments.
    syscall3(a in "rdi", b in "rsi", c in "rdx")
}
define_syscall! {
    /// A system call with four arguments.
    syscall4(a in "rdi", b in "rsi", c in "rdx", d in "r10")
}
define_syscall! {
    /// A system call with five arguments.
    syscall5(a in "rdi", b in "rsi", c in "rdx", d in "r10", e in "r8")
}
define_syscall! {
    /// A system call with six arguments.
    syscall6(a in "rdi", b in "rsi", c in "rdx", d in "r10", e in "r8", f in "r9")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_and_errors_come_back_as_values() {
        // SAFETY: getpid takes nothing and changes nothing.
        let pid = unsafe { syscall0(Number(libc::SYS_getpid)) };
        assert_eq!(pid, Ok(std::process::id() as usize));
        // SAFETY: closing a descriptor that can't exist changes nothing.
        let closed = unsafe { syscall1(Number(libc::SYS_close), usize::MAX) };
        assert_eq!(closed, Err(Errno::EBADF));
        // SAFETY: no such system call exists.
        let unknown = unsafe { syscall0(Number(100_000)) };
        assert_eq!(unknown, Err(Errno::ENOSYS));
    }
}
