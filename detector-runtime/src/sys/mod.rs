//! The operating system, reached without libc.
//!
//! The runtime sits *below* the program's libc calls: it intercepts `mmap`, `read` or `malloc`, and the
//! functions of libc set `errno`, a variable of the program. So everything here is a raw system call; errors
//! come back as values ([`Errno`]) and no thread-local of libc is read or written.
//!
//! Layers: [`syscall`] is the instruction itself; the other modules are typed wrappers, one matter each.
//! The `libc` crate is used for the kernel's numbers and structure layouts only; none of its functions is
//! called.
//!
//! What never happens here: an allocation, a lock, a panic, a call out of this module.

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
compile_error!("the racecheck runtime supports x86_64 Linux only");

mod errno;
pub mod file;
pub mod futex;
pub mod memory;
pub mod process;
pub mod signal;
pub mod stack;
pub mod syscall;
pub mod time;

pub use errno::Errno;
