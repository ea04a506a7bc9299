//! `setjmp` and `longjmp`: a jump leaves functions without their exits, so it has to shorten the shadow call stack.
//!
//! `setjmp` remembers how deep the shadow call stack is, under the stack pointer that its caller has; the buffer
//! holds the same stack pointer, so that `longjmp` finds the depth again, in a copy of the buffer as well. All
//! that one activation of a function remembers is the same; what a former activation left under the same
//! stack pointer is overwritten when a new one calls `setjmp`. The buffer itself has no room to spare: the
//! one that `pthread_cleanup_push` passes is smaller than a `jmp_buf`.

use alloc::collections::BTreeMap;
use core::arch::{asm, naked_asm};
use core::ffi::c_int;

use super::intercept;
use super::real::real;
use crate::gate::enter;
use crate::local::{Local, local};

real! {
    fn setjmp(buffer: *mut u64) -> c_int;
    fn _setjmp(buffer: *mut u64) -> c_int;
    fn __sigsetjmp(buffer: *mut u64, with_mask: c_int) -> c_int;
    fn longjmp(buffer: *mut u64, value: c_int) -> !;
    fn _longjmp(buffer: *mut u64, value: c_int) -> !;
    fn siglongjmp(buffer: *mut u64, value: c_int) -> !;
    fn __longjmp_chk(buffer: *mut u64, value: c_int) -> !;
}

/// The depths that a thread's calls of `setjmp` have seen.
#[derive(Debug, Default)]
pub struct Depths {
    /// By stack pointer, the top of the shadow call stack.
    tops: BTreeMap<u64, usize>,
}

impl Depths {
    /// No call was seen.
    pub const fn new() -> Self {
        Depths { tops: BTreeMap::new() }
    }
}

/// `setjmp` returns twice into the frame of its caller, so the stub may not have a frame of its own when it
/// goes on to the real function.
macro_rules! set_jump {
    ($($stub:ident, $remember:ident: $real:ident;)*) => {$(
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $stub() {
            naked_asm!(
                "push rdi",
                "push rsi",
                "lea rdi, [rsp + 24]",  // the caller's stack pointer after the return
                "sub rsp, 8",
                "call {remember}",
                "add rsp, 8",
                "pop rsi",
                "pop rdi",
                "jmp rax",
                remember = sym $remember,
            )
        }

        /// Remembers the depth, and returns where the real function is.
        extern "C" fn $remember(stack_pointer: u64) -> usize {
            remember(stack_pointer);
            addresses::$real.address()
        }
    )*};
}

set_jump! {
    racecheck_intercept_setjmp, depth_at_setjmp: setjmp;
    racecheck_intercept__setjmp, depth_at_plain_setjmp: _setjmp;
    racecheck_intercept___sigsetjmp, depth_at_sigsetjmp: __sigsetjmp;
}

fn remember(stack_pointer: u64) {
    enter(|_, thread| {
        // SAFETY: the block is the running thread's own.
        let top = unsafe { (*local()).top };
        thread.jumps.tops.insert(stack_pointer, top as usize);
    });
}

/// The stack pointer that a jump to `buffer` leads to: the seventh word, which glibc hides behind a number of the
/// process's own, and turns.
unsafe fn target(buffer: *const u64) -> u64 {
    const STACK_POINTER: usize = 6;
    const TURN: u32 = 2 * 8 + 1;
    let guard: u64;
    // SAFETY: the guard is a field of every thread's control block, at a place that is part of the ABI. A buffer
    // that `setjmp` has filled has eight words.
    unsafe {
        asm!("mov {}, qword ptr fs:[0x30]", out(reg) guard, options(pure, readonly, nostack, preserves_flags));
        buffer.add(STACK_POINTER).read().rotate_right(TURN) ^ guard
    }
}

/// Takes the frames that a jump leaves off the shadow call stack.
unsafe fn leave_frames(buffer: *const u64) {
    // SAFETY: the block is the running thread's own.
    let state = unsafe { (*local()).state };
    if state <= Local::GONE {
        return;
    }
    // A thread that is inside can only jump from the handler of a fault in the runtime's own code, which it will
    // not go back to.
    // SAFETY: the state is the running thread's.
    unsafe { (*state).busy.store(false, core::sync::atomic::Ordering::Release) };
    // SAFETY: the program passes a buffer that `setjmp` has filled.
    let stack_pointer = unsafe { target(buffer) };
    let top = enter(|_, thread| thread.jumps.tops.get(&stack_pointer).copied()).flatten();
    // Without an entry the buffer was filled by code that does not call through the interceptors, such as libc's
    // own: nothing is known of the depth there.
    if let Some(top) = top {
        let top = core::ptr::with_exposed_provenance_mut(top);
        // SAFETY: the block is the running thread's own; the entries up to `top` were pushed when `setjmp` was
        // called, by functions that are still active.
        unsafe {
            (*local()).top = top;
            (*local()).known = (*local()).known.min(top);
        }
    }
}

intercept! {
    fn racecheck_intercept_longjmp(buffer: *mut u64, value: c_int) -> ! {
        leave_frames(buffer);
        longjmp(buffer, value)
    }
}

intercept! {
    fn racecheck_intercept__longjmp(buffer: *mut u64, value: c_int) -> ! {
        leave_frames(buffer);
        _longjmp(buffer, value)
    }
}

intercept! {
    fn racecheck_intercept_siglongjmp(buffer: *mut u64, value: c_int) -> ! {
        leave_frames(buffer);
        siglongjmp(buffer, value)
    }
}

intercept! {
    fn racecheck_intercept___longjmp_chk(buffer: *mut u64, value: c_int) -> ! {
        leave_frames(buffer);
        __longjmp_chk(buffer, value)
    }
}
