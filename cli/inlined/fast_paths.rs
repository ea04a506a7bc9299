//! The fast paths of `racecheck_rt_read8` and its kin, to be inlined into programs.
//!
//! This file is compiled to bitcode by the toolchain whose programs it goes into (see `cli/src/inlined.rs`). Each
//! function has the name of the call that it replaces, so that the compiler finds it when it imports functions.
//!
//! A fast path looks at the shadow word of the access (its address is the program's with bit 46 flipped) and at the
//! running thread's keys, which lie in the thread-local block `racecheck_rt_local`: at 8 what the low half of the
//! word is when the thread wrote all eight bytes in its epoch, at 12 what the high half is when it read them, from 40 on
//! eight more such values for readers among others, each in the place that its low bits name. The shadow call stack's
//! top is at 16; entries below the one at 24 have a context; at 32 it ends, at 72 it begins.
//! `detector-runtime/src/local.rs` has the layout.
//!
//! What is left goes out of line, into the same section but behind the function, so that it is dropped with it. From
//! there a stub of the runtime is called that keeps all registers (`detector-runtime/src/abi/inlined.rs`). It is told
//! the place of the access: an address within the function, so that it has a line.
//!
//! The block is reached through the global offset table: that works in programs, where the linker makes a constant
//! of it, and in shared libraries alike.
#![no_std]
#![crate_type = "lib"]

use core::arch::asm;

/// Out of line: tells a stub of the address and the place, and goes on where the fast path ends.
macro_rules! call_stub {
    ($stub:expr) => {
        concat!("lea {word}, [rip + 3b]\npush {word}\npush {address}\ncall ", $stub, "@PLT\njmp 3b")
    };
}

macro_rules! reads {
    ($($name:ident, $align:literal, $slow:literal;)*) => {$(
        /// # Safety
        /// Called by instrumented code in the place of a read of `address`.
        #[unsafe(no_mangle)]
        #[inline(always)]
        pub unsafe extern "C" fn $name(address: *const u8) {
            // SAFETY: the shadow of all the program's memory can be read; the stub keeps what is not named here.
            unsafe {
                asm!(
                    "mov {block}, qword ptr [rip + racecheck_rt_local@GOTTPOFF]",
                    "mov {word}, {address}",
                    $align,
                    "btc {word}, 46",
                    "mov {word}, qword ptr [{word}]",
                    "cmp {word:e}, dword ptr fs:[{block} + 8]",
                    "jne 2f",
                    "3:",
                    ".subsection 1",
                    "2:",
                    "cmp {word:l}, 0xff",
                    "jne 4f",
                    "shr {word}, 32",
                    "cmp {word:e}, dword ptr fs:[{block} + 12]",
                    "je 3b",
                    "mov {key:e}, {word:e}",
                    "and {key:e}, 7",
                    "lea {key}, [{block} + 4 * {key}]",
                    "cmp {word:e}, dword ptr fs:[{key} + 40]",
                    "je 3b",
                    "4:",
                    call_stub!($slow),
                    ".subsection 0",
                    block = out(reg) _,
                    word = out(reg) _,
                    key = out(reg) _,
                    address = in(reg) address,
                );
            }
        }
    )*};
}

macro_rules! writes {
    ($($name:ident, $align:literal, $slow:literal;)*) => {$(
        /// # Safety
        /// Called by instrumented code in the place of a write to `address`.
        #[unsafe(no_mangle)]
        #[inline(always)]
        pub unsafe extern "C" fn $name(address: *mut u8) {
            // SAFETY: the shadow of all the program's memory can be read; the stub keeps what is not named here.
            unsafe {
                asm!(
                    "mov {block}, qword ptr [rip + racecheck_rt_local@GOTTPOFF]",
                    "mov {word}, {address}",
                    $align,
                    "btc {word}, 46",
                    "mov {word:e}, dword ptr [{word}]",
                    "cmp {word:e}, dword ptr fs:[{block} + 8]",
                    "jne 2f",
                    "3:",
                    ".subsection 1",
                    "2:",
                    call_stub!($slow),
                    ".subsection 0",
                    block = out(reg) _,
                    word = out(reg) _,
                    address = in(reg) address,
                );
            }
        }
    )*};
}

reads! {
    racecheck_rt_read1, "and {word}, -8", "racecheck_rt_slow_read1";
    racecheck_rt_read2, "and {word}, -8", "racecheck_rt_slow_read2";
    racecheck_rt_read4, "and {word}, -8", "racecheck_rt_slow_read4";
    racecheck_rt_read8, "", "racecheck_rt_slow_read8";
    racecheck_rt_unaligned_read8, "test {word:l}, 7\njnz 4f", "racecheck_rt_slow_unaligned_read8";
}

writes! {
    racecheck_rt_write1, "and {word}, -8", "racecheck_rt_slow_write1";
    racecheck_rt_write2, "and {word}, -8", "racecheck_rt_slow_write2";
    racecheck_rt_write4, "and {word}, -8", "racecheck_rt_slow_write4";
    racecheck_rt_write8, "", "racecheck_rt_slow_write8";
    racecheck_rt_unaligned_write8, "test {word:l}, 7\njnz 2f", "racecheck_rt_slow_write8";
}

macro_rules! sixteen_bytes {
    ($($name:ident, $slow:literal;)*) => {$(
        /// Two granules, if the address is a multiple of eight.
        ///
        /// # Safety
        /// Called by instrumented code in the place of an access of `address`.
        #[unsafe(no_mangle)]
        #[inline(always)]
        pub unsafe extern "C" fn $name(address: *const u8) {
            // SAFETY: the shadow of all the program's memory can be read; the stub keeps what is not named here.
            unsafe {
                asm!(
                    "mov {block}, qword ptr [rip + racecheck_rt_local@GOTTPOFF]",
                    "mov {word}, {address}",
                    "test {word:l}, 7",
                    "jnz 2f",
                    "btc {word}, 46",
                    "mov {block:e}, dword ptr fs:[{block} + 8]",
                    "cmp {block:e}, dword ptr [{word}]",
                    "jne 2f",
                    "cmp {block:e}, dword ptr [{word} + 8]",
                    "jne 2f",
                    "3:",
                    ".subsection 1",
                    "2:",
                    call_stub!($slow),
                    ".subsection 0",
                    block = out(reg) _,
                    word = out(reg) _,
                    address = in(reg) address,
                );
            }
        }
    )*};
}

sixteen_bytes! {
    racecheck_rt_read16, "racecheck_rt_slow_read16";
    racecheck_rt_unaligned_read16, "racecheck_rt_slow_read16";
    racecheck_rt_write16, "racecheck_rt_slow_write16";
    racecheck_rt_unaligned_write16, "racecheck_rt_slow_write16";
}

/// Pushes the return address of the function that was entered. The room is taken first and then filled, since a signal
/// handler may come in between.
///
/// # Safety
/// Called by instrumented code at the begin of a function.
#[unsafe(no_mangle)]
#[inline(always)]
pub unsafe extern "C" fn racecheck_rt_func_entry(call: *const u8) {
    // SAFETY: there is room below the stack's end; the stub keeps what is not named here.
    unsafe {
        asm!(
            "mov {block}, qword ptr [rip + racecheck_rt_local@GOTTPOFF]",
            "mov {top}, qword ptr fs:[{block} + 16]",
            "cmp {top}, qword ptr fs:[{block} + 32]",
            "jae 2f",
            "add qword ptr fs:[{block} + 16], 8",
            "mov qword ptr [{top}], {call}",
            "3:",
            ".subsection 1",
            "2:",
            "push {call}",
            "call racecheck_rt_slow_entry@PLT",
            "jmp 3b",
            ".subsection 0",
            block = out(reg) _,
            top = out(reg) _,
            call = in(reg) call,
        );
    }
}

/// Pops it.
///
/// # Safety
/// Called by instrumented code at the end of a function.
#[unsafe(no_mangle)]
#[inline(always)]
pub unsafe extern "C" fn racecheck_rt_func_exit() {
    // SAFETY: the thread's block is its own; the stub keeps what is not named here.
    unsafe {
        asm!(
            "mov {block}, qword ptr [rip + racecheck_rt_local@GOTTPOFF]",
            "mov {top}, qword ptr fs:[{block} + 16]",
            "sub {top}, 8",
            "mov qword ptr fs:[{block} + 16], {top}",
            "cmp {top}, qword ptr fs:[{block} + 24]",
            "jb 2f",
            "3:",
            ".subsection 1",
            "2:",
            "mov qword ptr fs:[{block} + 24], {top}",
            "cmp {top}, qword ptr fs:[{block} + 72]",
            "jae 3b",
            "call racecheck_rt_slow_exit@PLT",
            "jmp 3b",
            ".subsection 0",
            block = out(reg) _,
            top = out(reg) _,
        );
    }
}
