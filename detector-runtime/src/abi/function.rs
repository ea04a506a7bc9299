//! Entry and exit of instrumented functions: the shadow call stack's push and pop.
//!
//! A signal handler may run between any two instructions, and its functions push and pop as well. So a push
//! takes the room first and then fills it.

use core::arch::naked_asm;

use crate::gate::enter;
use crate::local::local;

/// Pushes the return address of the function that was entered.
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C" fn __tsan_func_entry(call: u64) {
    naked_asm!(
        "mov rax, qword ptr fs:[racecheck_rt_local@TPOFF + 16]",
        "cmp rax, qword ptr fs:[racecheck_rt_local@TPOFF + 32]",
        "jae 2f",
        "lea rcx, [rax + 8]",
        "mov qword ptr fs:[racecheck_rt_local@TPOFF + 16], rcx",
        "mov qword ptr [rax], rdi",
        "ret",
        "2:",
        "jmp {slow}",
        slow = sym entry_without_room,
    )
}

/// Where instrumented functions call on entry.
pub fn entry_address() -> u64 {
    __tsan_func_entry as *const () as u64
}

/// Pops it.
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C" fn __tsan_func_exit() {
    naked_asm!(
        "mov rax, qword ptr fs:[racecheck_rt_local@TPOFF + 16]",
        "sub rax, 8",
        "mov qword ptr fs:[racecheck_rt_local@TPOFF + 16], rax",
        "cmp rax, qword ptr fs:[racecheck_rt_local@TPOFF + 24]",
        "jb 2f",
        "ret",
        "2:",
        "mov qword ptr fs:[racecheck_rt_local@TPOFF + 24], rax",
        "cmp rax, qword ptr fs:[racecheck_rt_local@TPOFF + 72]",
        "jb 3f",
        "ret",
        "3:",
        "jmp {below}",
        below = sym exit_below_the_bottom,
    )
}

/// The thread is new to the runtime, or deeper in calls than its stack can hold.
#[cold]
pub(super) extern "C" fn entry_without_room(call: u64) {
    // A thread that is met now gets its stack here.
    enter(|_, _| ());
    // SAFETY: the block is the running thread's own.
    let block = unsafe { &mut *local() };
    if block.top < block.limit {
        // SAFETY: there is room between `top` and `limit`.
        unsafe { block.top.write(call) };
        block.top = block.top.wrapping_add(1);
    } else if !block.limit.is_null() {
        // Counts the frame without keeping it: the pop will come down to the same place.
        block.top = block.top.wrapping_add(1);
    }
}

/// A function ends that was entered before the runtime knew the thread: the stack stays empty.
#[cold]
pub(super) extern "C" fn exit_below_the_bottom() {
    // SAFETY: the block is the running thread's own.
    let block = unsafe { &mut *local() };
    block.top = block.bottom;
    block.known = block.bottom;
}
