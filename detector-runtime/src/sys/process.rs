//! Processes, threads, limits and memory barriers across threads.

use core::mem::MaybeUninit;

use super::Errno;
use super::signal::Signal;
use super::syscall::{Number, syscall0, syscall1, syscall2, syscall3, syscall4};

/// The kernel's number of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessId(pub u32);

/// The kernel's number of a thread; unique in the system while the thread lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThreadId(pub u32);

/// The calling process.
pub fn process_id() -> ProcessId {
    // SAFETY: takes nothing, changes nothing.
    ProcessId(unsafe { syscall0(Number(libc::SYS_getpid)) }.unwrap_or(0) as u32)
}

/// The calling thread.
pub fn thread_id() -> ThreadId {
    // SAFETY: takes nothing, changes nothing.
    ThreadId(unsafe { syscall0(Number(libc::SYS_gettid)) }.unwrap_or(0) as u32)
}

/// Lets other threads run.
pub fn yield_now() {
    // SAFETY: takes nothing, changes nothing.
    let _ = unsafe { syscall0(Number(libc::SYS_sched_yield)) };
}

/// Ends the process at once, all its threads with it; no handler runs.
pub fn exit(status: i32) -> ! {
    loop {
        // SAFETY: takes a number; does not return, but the type system can't know it.
        let _ = unsafe { syscall1(Number(libc::SYS_exit_group), status as isize as usize) };
    }
}

/// Sends a signal to one thread of a process.
///
/// # Safety
/// The receiver's handlers, or the default action, are what the caller wants to happen.
pub unsafe fn send_signal(process: ProcessId, thread: ThreadId, signal: Signal) -> Result<(), Errno> {
    // SAFETY: takes numbers only; the effect is the caller's wish.
    unsafe {
        syscall3(Number(libc::SYS_tgkill), process.0 as usize, thread.0 as usize, signal.number() as usize)
    }
    .map(drop)
}

/// A memory barrier on every running thread of the process, issued by one of them.
///
/// The pair of a compiler fence on the frequent side and [`MemoryBarrier::issue`] on the rare side orders like
/// two full fences, and costs the frequent side nothing.
#[derive(Clone, Copy, Debug)]
pub struct MemoryBarrier(());

impl MemoryBarrier {
    // From the kernel's include/uapi/linux/membarrier.h.
    const PRIVATE_EXPEDITED: usize = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: usize = 1 << 4;

    /// Registers the process. Needed once, and again in a forked child.
    pub fn register() -> Result<MemoryBarrier, Errno> {
        // SAFETY: takes numbers only, and states an intent.
        unsafe { syscall3(Number(libc::SYS_membarrier), Self::REGISTER_PRIVATE_EXPEDITED, 0, 0) }
            .map(|_| MemoryBarrier(()))
    }

    /// Returns when every thread of the process has passed a full memory barrier.
    pub fn issue(self) -> Result<(), Errno> {
        // SAFETY: takes numbers only, and only orders memory accesses.
        unsafe { syscall3(Number(libc::SYS_membarrier), Self::PRIVATE_EXPEDITED, 0, 0) }.map(drop)
    }
}

/// A resource that has limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Size of the main thread's stack.
    Stack,
    /// Size of the address space.
    AddressSpace,
    /// Number of open files.
    OpenFiles,
    /// Size of a core dump.
    CoreDump,
}

impl Resource {
    const fn number(self) -> usize {
        (match self {
            Resource::Stack => libc::RLIMIT_STACK,
            Resource::AddressSpace => libc::RLIMIT_AS,
            Resource::OpenFiles => libc::RLIMIT_NOFILE,
            Resource::CoreDump => libc::RLIMIT_CORE,
        }) as usize
    }
}

/// The limits of a resource; `u64::MAX` is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Limit {
    /// What the kernel enforces.
    pub soft: u64,
    /// How far the process may raise `soft`.
    pub hard: u64,
}

const SELF: usize = 0;

/// Asks for the limits of `resource`.
pub fn limit(resource: Resource) -> Result<Limit, Errno> {
    let mut limit = MaybeUninit::<Limit>::uninit();
    // SAFETY: without a new limit the kernel fills one `struct rlimit64` and changes nothing.
    unsafe {
        syscall4(Number(libc::SYS_prlimit64), SELF, resource.number(), 0, limit.as_mut_ptr() as usize)
    }?;
    // SAFETY: the call succeeded, so the structure is filled in.
    Ok(unsafe { limit.assume_init() })
}

/// Sets the limits of `resource` for this process and its future children.
pub fn set_limit(resource: Resource, limit: Limit) -> Result<(), Errno> {
    // SAFETY: the kernel reads one `struct rlimit64`, which lives across the call.
    unsafe { syscall4(Number(libc::SYS_prlimit64), SELF, resource.number(), &raw const limit as usize, 0) }
        .map(drop)
}

/// Copies the kernel's name of the calling thread into `buffer`, without the terminating NUL.
pub fn thread_name(buffer: &mut [u8; 16]) -> Result<&[u8], Errno> {
    // SAFETY: the kernel writes at most 16 bytes into `buffer`.
    unsafe { syscall2(Number(libc::SYS_prctl), libc::PR_GET_NAME as usize, buffer.as_mut_ptr() as usize) }?;
    let len = buffer.iter().position(|&byte| byte == 0).unwrap_or(buffer.len());
    Ok(&buffer[..len])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_systems() {
        assert_eq!(process_id().0, std::process::id());
        let own = thread_id();
        let other = std::thread::spawn(thread_id).join().unwrap();
        assert_ne!(own, other);
        yield_now();
    }

    #[test]
    fn a_signal_reaches_the_calling_thread() {
        // SIGURG is ignored by default: only the call's success is of interest.
        // SAFETY: an ignored signal has no effect.
        unsafe { send_signal(process_id(), thread_id(), Signal::URG) }.unwrap();
        // SAFETY: no process has this number.
        assert!(unsafe { send_signal(ProcessId(0x3fff_ffff), thread_id(), Signal::URG) }.is_err());
    }

    #[test]
    fn limits_are_read_and_set() {
        let files = limit(Resource::OpenFiles).unwrap();
        assert!(files.soft > 0 && files.soft <= files.hard);
        set_limit(Resource::OpenFiles, files).unwrap();
        assert_eq!(limit(Resource::OpenFiles), Ok(files));
    }

    #[test]
    fn barriers_work_where_the_kernel_has_them() {
        match MemoryBarrier::register() {
            Ok(barrier) => barrier.issue().unwrap(),
            Err(error) => assert!(matches!(error, Errno::ENOSYS | Errno::EINVAL | Errno::EPERM)),
        }
    }

    #[test]
    fn threads_have_names() {
        let thread = std::thread::Builder::new().name("racecheck-name".into()).spawn(|| {
            let mut buffer = [0; 16];
            thread_name(&mut buffer).unwrap().to_vec()
        });
        assert_eq!(thread.unwrap().join().unwrap(), b"racecheck-name");
    }
}
