//! Counts the instructions that a program executes in marked places, by letting the processor stop after each one
//! (`ptrace`).
//!
//! A mark is a trap (`int3`) with the address in r10 at which the count ends. The first instruction after the trap is
//! the call of what is counted, and is left out; of the others those count that lie in the program's own file, where the
//! runtime is. libc's are left out, since libc is another one on each machine.
//!
//! This gives the number that callgrind calls `Ir`, to the last instruction, and has no processor of its own: the program
//! runs as always, at the addresses that it always has. Valgrind's address space has no room for the runtime's
//! shadow memory.

use std::ffi::{c_int, c_long, c_void};
use std::io;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::Result;

/// Instructions between each mark and its end, in the order in which they were executed.
pub fn between_marks(program: &Path, arguments: &[&str]) -> Result<Vec<u64>> {
    let mut traced = Traced::start(program, arguments)?;
    let own = traced.own_code(program)?;
    let mut counts = Vec::new();
    while traced.run_to_mark()? {
        let registers = traced.registers()?;
        let end = registers.r10;
        let mut at = traced.step()?;
        let mut count = 0;
        while at != end {
            count += u64::from(own.iter().any(|code| code.contains(&at)));
            at = traced.step()?;
        }
        counts.push(count);
    }
    Ok(counts)
}

/// A child process of which every step can be ordered. It ends with this value.
struct Traced {
    child: Child,
    /// It was waited for, and its number may be another process's by now.
    has_ended: bool,
}

/// Why it does not run.
enum Stop {
    /// It got a signal, or would get one.
    Signal(c_int),
    /// It ended, with this status of `waitpid`.
    End(c_int),
}

impl Traced {
    /// Starts a program, and stops it before its first instruction.
    fn start(program: &Path, arguments: &[&str]) -> Result<Traced> {
        let mut command = Command::new(program);
        command.args(arguments).stdout(Stdio::null());
        // SAFETY: both are system calls, and nothing else, in the child between fork and exec.
        unsafe {
            command.pre_exec(|| {
                // Places of code and data have no influence on the counts, or should not have; where a container
                // forbids this, they still are what they are.
                libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong);
                checked(libc::ptrace(libc::PTRACE_TRACEME))
            });
        }
        let child = command.spawn().map_err(|e| format!("{}: {e}", program.display()))?;
        let mut traced = Traced { child, has_ended: false };
        match traced.wait()? {
            Stop::Signal(libc::SIGTRAP) => {
                let options = libc::PTRACE_O_EXITKILL as usize as *mut c_void;
                traced.request(libc::PTRACE_SETOPTIONS, options)?;
                Ok(traced)
            }
            _ => Err(format!("{} cannot be traced", program.display()).into()),
        }
    }

    /// Where the code of the program's own file lies.
    fn own_code(&self, program: &Path) -> Result<Vec<Range<u64>>> {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.child.id()))?;
        let program = program.canonicalize()?;
        let own = maps.lines().filter(|line| line.ends_with(&*program.to_string_lossy()));
        let code = own.filter(|line| line.split(' ').nth(1).is_some_and(|access| access.contains('x')));
        let ranges = code.filter_map(|line| {
            let (first, end) = line.split(' ').next()?.split_once('-')?;
            Some(u64::from_str_radix(first, 16).ok()?..u64::from_str_radix(end, 16).ok()?)
        });
        let ranges: Vec<_> = ranges.collect();
        if ranges.is_empty() { Err("the program's code is not in its memory map".into()) } else { Ok(ranges) }
    }

    /// Lets it run to its next mark; false if it ended well without one.
    fn run_to_mark(&mut self) -> Result<bool> {
        let mut signal = 0;
        loop {
            self.request(libc::PTRACE_CONT, signal as usize as *mut c_void)?;
            match self.wait()? {
                Stop::Signal(libc::SIGTRAP) => return Ok(true),
                Stop::Signal(other) => signal = other,
                Stop::End(0) => return Ok(false),
                Stop::End(status) => return Err(format!("the program failed (wait status {status})").into()),
            }
        }
    }

    /// One instruction on. Gives the address of the next one.
    fn step(&mut self) -> Result<u64> {
        let mut signal = 0;
        loop {
            self.request(libc::PTRACE_SINGLESTEP, signal as usize as *mut c_void)?;
            match self.wait()? {
                Stop::Signal(libc::SIGTRAP) => return Ok(self.registers()?.rip),
                Stop::Signal(other) => signal = other,
                Stop::End(status) => {
                    return Err(format!("the program ended between marks (wait status {status})").into());
                }
            }
        }
    }

    fn registers(&self) -> Result<libc::user_regs_struct> {
        let mut registers = MaybeUninit::<libc::user_regs_struct>::zeroed();
        self.request(libc::PTRACE_GETREGS, registers.as_mut_ptr().cast())?;
        // SAFETY: it was zeroed, and filled by the kernel.
        Ok(unsafe { registers.assume_init() })
    }

    /// A request without an address.
    fn request(&self, request: libc::c_uint, data: *mut c_void) -> Result<()> {
        let nowhere = std::ptr::null_mut::<c_void>();
        // SAFETY: `data` is a number, or points to what the request fills.
        let done = unsafe { libc::ptrace(request, self.child.id() as libc::pid_t, nowhere, data) };
        checked(done).map_err(|e| format!("ptrace: {e}").into())
    }

    fn wait(&mut self) -> Result<Stop> {
        let mut status = 0;
        // SAFETY: the status can be written; the child is this process's.
        let waited = unsafe { libc::waitpid(self.child.id() as libc::pid_t, &raw mut status, 0) };
        checked(c_long::from(waited))?;
        self.has_ended = !libc::WIFSTOPPED(status);
        Ok(if self.has_ended { Stop::End(status) } else { Stop::Signal(libc::WSTOPSIG(status)) })
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        if !self.has_ended {
            // Where this fails, the kernel ends it together with its tracer.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn checked(result: c_long) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
