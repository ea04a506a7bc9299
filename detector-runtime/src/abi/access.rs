//! Plain accesses: `__tsan_read8` and its kin.
//!
//! The fast path is a few instructions that only look: if the shadow word says that this thread wrote (or,
//! for a read, read) all bytes of the access in its current epoch, there is nothing to do. Everything else is
//! one call further, in [`slow_read`] and [`slow_write`].

use crate::ceiling::in_pieces;
use crate::gate::enter;
use core::arch::naked_asm;

/// A read that the fast path could not settle. `pc` is the return address of the `__tsan_*` call.
#[inline(never)]
pub(crate) extern "C" fn slow_read(address: u64, size: u64, pc: u64) {
    enter(|rt, thread| {
        if thread.ignore == 0 {
            in_pieces(rt, thread, address, size, |thread, address, size| {
                let (engine, here) = thread.at(pc);
                rt.engine.read(engine, address, size, here);
            });
        }
    });
}

/// A write that the fast path could not settle.
#[inline(never)]
pub(crate) extern "C" fn slow_write(address: u64, size: u64, pc: u64) {
    enter(|rt, thread| {
        if thread.ignore == 0 {
            in_pieces(rt, thread, address, size, |thread, address, size| {
                let (engine, here) = thread.at(pc);
                rt.engine.write(engine, address, size, here);
            });
        }
    });
}

/// A read of a whole, aligned granule.
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C" fn __tsan_read8(address: u64) {
    naked_asm!(
        "mov rax, rdi",
        "btc rax, 46",                                          // the shadow word's address
        "mov rax, qword ptr [rax]",
        "cmp eax, dword ptr fs:[racecheck_rt_local@TPOFF + 8]",    // all bytes written in this epoch?
        "jne 2f",
        "ret",
        "2:",
        "cmp al, 0xff",                                         // the word speaks for all bytes,
        "jne 3f",
        "shr rax, 32",
        "cmp eax, dword ptr fs:[racecheck_rt_local@TPOFF + 12]",   // which were read in this epoch?
        "jne 4f",
        "ret",
        "4:",
        "mov ecx, eax",
        "and ecx, 7",
        "cmp eax, dword ptr fs:[4 * rcx + racecheck_rt_local@TPOFF + 40]", // by others as well?
        "jne 3f",
        "ret",
        "3:",
        "mov rdx, qword ptr [rsp]",
        "mov esi, 8",
        "jmp {slow}",
        slow = sym slow_read,
    )
}

/// A write of a whole, aligned granule.
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C" fn __tsan_write8(address: u64) {
    naked_asm!(
        "mov rax, rdi",
        "btc rax, 46",
        "mov eax, dword ptr [rax]",
        "cmp eax, dword ptr fs:[racecheck_rt_local@TPOFF + 8]",
        "jne 3f",
        "ret",
        "3:",
        "mov rdx, qword ptr [rsp]",
        "mov esi, 8",
        "jmp {slow}",
        slow = sym slow_write,
    )
}

/// Reads of a part of a granule: as `__tsan_read8`, with the bytes' mask in place of all bytes.
macro_rules! small_read {
    ($($name:ident, $size:literal, $mask:literal;)*) => {$(
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        extern "C" fn $name(address: u64) {
            naked_asm!(
                "mov rax, rdi",
                "and rax, -8",
                "btc rax, 46",
                "mov rax, qword ptr [rax]",
                "cmp eax, dword ptr fs:[racecheck_rt_local@TPOFF + 8]",
                "jne 2f",
                "ret",
                "2:",
                "mov ecx, edi",
                "and ecx, 7",
                concat!("mov edx, ", $mask),
                "shl edx, cl",                                          // the bytes of the access
                "mov ecx, eax",
                "not ecx",
                "test ecx, edx",                                        // does the word speak for them?
                "jnz 3f",
                "mov edx, eax",
                "xor edx, dword ptr fs:[racecheck_rt_local@TPOFF + 8]",
                "test edx, 0xffffff00",                                 // written in this epoch?
                "jz 4f",
                "shr rax, 32",
                "cmp eax, dword ptr fs:[racecheck_rt_local@TPOFF + 12]",   // read in this epoch?
                "je 4f",
                "mov ecx, eax",
                "and ecx, 7",
                "cmp eax, dword ptr fs:[4 * rcx + racecheck_rt_local@TPOFF + 40]", // by others as well?
                "jne 3f",
                "4:",
                "ret",
                "3:",
                "mov rdx, qword ptr [rsp]",
                concat!("mov esi, ", $size),
                "jmp {slow}",
                slow = sym slow_read,
            )
        }
    )*};
}

/// Writes of a part of a granule.
macro_rules! small_write {
    ($($name:ident, $size:literal, $mask:literal;)*) => {$(
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        extern "C" fn $name(address: u64) {
            naked_asm!(
                "mov rax, rdi",
                "and rax, -8",
                "btc rax, 46",
                "mov eax, dword ptr [rax]",
                "cmp eax, dword ptr fs:[racecheck_rt_local@TPOFF + 8]",
                "jne 2f",
                "ret",
                "2:",
                "mov ecx, edi",
                "and ecx, 7",
                concat!("mov edx, ", $mask),
                "shl edx, cl",
                "mov ecx, eax",
                "not ecx",
                "test ecx, edx",
                "jnz 3f",
                "xor eax, dword ptr fs:[racecheck_rt_local@TPOFF + 8]",
                "test eax, 0xffffff00",
                "jnz 3f",
                "ret",
                "3:",
                "mov rdx, qword ptr [rsp]",
                concat!("mov esi, ", $size),
                "jmp {slow}",
                slow = sym slow_write,
            )
        }
    )*};
}

small_read! {
    __tsan_read1, "1", "0x1";
    __tsan_read2, "2", "0x3";
    __tsan_read4, "4", "0xf";
}

small_write! {
    __tsan_write1, "1", "0x1";
    __tsan_write2, "2", "0x3";
    __tsan_write4, "4", "0xf";
}

/// Two whole granules, which lie beside each other as their shadow words do.
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C" fn __tsan_read16(address: u64) {
    naked_asm!(
        "mov rcx, rdi",
        "test cl, 7",
        "jnz 3f",
        "btc rcx, 46",
        "mov rax, qword ptr [rcx]",
        "mov rcx, qword ptr [rcx + 8]",
        "mov edx, dword ptr fs:[racecheck_rt_local@TPOFF + 8]",
        "cmp eax, edx",
        "jne 2f",
        "cmp ecx, edx",
        "jne 5f",
        "ret",
        "2:",
        "cmp al, 0xff",
        "jne 3f",
        "shr rax, 32",
        "cmp eax, dword ptr fs:[racecheck_rt_local@TPOFF + 12]",
        "jne 3f",
        "cmp ecx, edx",
        "jne 5f",
        "ret",
        "5:",
        "cmp cl, 0xff",
        "jne 3f",
        "shr rcx, 32",
        "cmp ecx, dword ptr fs:[racecheck_rt_local@TPOFF + 12]",
        "jne 3f",
        "ret",
        "3:",
        "mov rdx, qword ptr [rsp]",
        "mov esi, 16",
        "jmp {slow}",
        slow = sym slow_read,
    )
}

/// Two whole granules.
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C" fn __tsan_write16(address: u64) {
    naked_asm!(
        "mov rcx, rdi",
        "test cl, 7",
        "jnz 3f",
        "btc rcx, 46",
        "mov edx, dword ptr fs:[racecheck_rt_local@TPOFF + 8]",
        "cmp edx, dword ptr [rcx]",
        "jne 3f",
        "cmp edx, dword ptr [rcx + 8]",
        "jne 3f",
        "ret",
        "3:",
        "mov rdx, qword ptr [rsp]",
        "mov esi, 16",
        "jmp {slow}",
        slow = sym slow_write,
    )
}

/// Entry points that have no fast path of their own: they add the size and their return address.
macro_rules! plain {
    ($($slow:ident { $($name:ident, $size:literal;)* })*) => {$($(
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        extern "C" fn $name(address: u64) {
            naked_asm!(
                "mov rdx, qword ptr [rsp]",
                concat!("mov esi, ", $size),
                "jmp {slow}",
                slow = sym $slow,
            )
        }
    )*)*};
}

/// A read-modify-write that is not atomic.
#[inline(never)]
extern "C" fn slow_read_write(address: u64, size: u64, pc: u64) {
    slow_read(address, size, pc);
    slow_write(address, size, pc);
}

plain! {
    slow_read {
        __tsan_unaligned_read2, "2";
        __tsan_unaligned_read4, "4";
        __tsan_unaligned_read8, "8";
        __tsan_unaligned_read16, "16";
        __tsan_volatile_read1, "1";
        __tsan_volatile_read2, "2";
        __tsan_volatile_read4, "4";
        __tsan_volatile_read8, "8";
        __tsan_volatile_read16, "16";
        __tsan_unaligned_volatile_read2, "2";
        __tsan_unaligned_volatile_read4, "4";
        __tsan_unaligned_volatile_read8, "8";
        __tsan_unaligned_volatile_read16, "16";
        __tsan_vptr_read, "8";
    }
    slow_write {
        __tsan_unaligned_write2, "2";
        __tsan_unaligned_write4, "4";
        __tsan_unaligned_write8, "8";
        __tsan_unaligned_write16, "16";
        __tsan_volatile_write1, "1";
        __tsan_volatile_write2, "2";
        __tsan_volatile_write4, "4";
        __tsan_volatile_write8, "8";
        __tsan_volatile_write16, "16";
        __tsan_unaligned_volatile_write2, "2";
        __tsan_unaligned_volatile_write4, "4";
        __tsan_unaligned_volatile_write8, "8";
        __tsan_unaligned_volatile_write16, "16";
    }
    slow_read_write {
        __tsan_read_write1, "1";
        __tsan_read_write2, "2";
        __tsan_read_write4, "4";
        __tsan_read_write8, "8";
        __tsan_read_write16, "16";
        __tsan_unaligned_read_write2, "2";
        __tsan_unaligned_read_write4, "4";
        __tsan_unaligned_read_write8, "8";
        __tsan_unaligned_read_write16, "16";
    }
}

/// The same for functions that are given the size (and perhaps the place).
macro_rules! ranges {
    ($($slow:ident { $($name:ident;)* })*) => {$($(
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        extern "C" fn $name(address: u64, size: u64) {
            naked_asm!("mov rdx, qword ptr [rsp]", "jmp {slow}", slow = sym $slow)
        }
    )*)*};
}

ranges! {
    slow_read { __tsan_read_range; }
    slow_write { __tsan_write_range; }
}

macro_rules! placed {
    ($($name:ident, $slow:ident, $size:literal;)*) => {$(
        #[unsafe(no_mangle)]
        extern "C" fn $name(address: u64, pc: u64) {
            $slow(address, $size, pc);
        }
    )*};
}

placed! {
    __tsan_read1_pc, slow_read, 1;
    __tsan_read2_pc, slow_read, 2;
    __tsan_read4_pc, slow_read, 4;
    __tsan_read8_pc, slow_read, 8;
    __tsan_read16_pc, slow_read, 16;
    __tsan_write1_pc, slow_write, 1;
    __tsan_write2_pc, slow_write, 2;
    __tsan_write4_pc, slow_write, 4;
    __tsan_write8_pc, slow_write, 8;
    __tsan_write16_pc, slow_write, 16;
}

#[unsafe(no_mangle)]
extern "C" fn __tsan_read_range_pc(address: u64, size: u64, pc: u64) {
    slow_read(address, size, pc);
}

#[unsafe(no_mangle)]
extern "C" fn __tsan_write_range_pc(address: u64, size: u64, pc: u64) {
    slow_write(address, size, pc);
}

/// A C++ object's table pointer changes (or is stored again, which is no write for anybody who sees it).
///
/// # Safety
/// `slot` can be read, as the code that calls this is about to write it.
unsafe extern "C" fn vptr_update(slot: *const u64, new: u64, pc: u64) {
    // SAFETY: see above.
    if unsafe { slot.read_volatile() } != new {
        slow_write(slot as u64, 8, pc);
    }
}

#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C" fn __tsan_vptr_update(slot: *const u64, new: u64) {
    naked_asm!("mov rdx, qword ptr [rsp]", "jmp {slow}", slow = sym vptr_update)
}

/// `memcpy` and its kin, as the pass calls them: the accesses, then the real thing.
macro_rules! block_operation {
    ($($name:ident => $inner:ident;)*) => {$(
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        extern "C" fn $name(to: *mut u8, from: *const u8, size: usize) -> *mut u8 {
            naked_asm!("mov rcx, qword ptr [rsp]", "jmp {inner}", inner = sym $inner)
        }
    )*};
}

block_operation! {
    __tsan_memcpy => checked_memcpy;
    __tsan_memmove => checked_memmove;
    __tsan_memset => checked_memset;
}

/// # Safety
/// As C's `memcpy`.
pub(crate) unsafe extern "C" fn checked_memcpy(
    to: *mut u8,
    from: *const u8,
    size: usize,
    pc: u64,
) -> *mut u8 {
    copy_accesses(to, from, size, pc);
    // SAFETY: the caller's promise.
    unsafe { crate::intercept::real::memcpy(to, from, size) }
}

/// # Safety
/// As C's `memmove`.
pub(crate) unsafe extern "C" fn checked_memmove(
    to: *mut u8,
    from: *const u8,
    size: usize,
    pc: u64,
) -> *mut u8 {
    copy_accesses(to, from, size, pc);
    // SAFETY: the caller's promise.
    unsafe { crate::intercept::real::memmove(to, from, size) }
}

/// # Safety
/// As C's `memset`; the byte comes in the place of a pointer.
pub(crate) unsafe extern "C" fn checked_memset(to: *mut u8, byte: usize, size: usize, pc: u64) -> *mut u8 {
    slow_write(to as u64, size as u64, pc);
    // SAFETY: the caller's promise.
    unsafe { crate::intercept::real::memset(to, byte as i32, size) }
}

fn copy_accesses(to: *mut u8, from: *const u8, size: usize, pc: u64) {
    if size == 0 {
        return;
    }
    enter(|rt, thread| {
        if thread.ignore != 0 {
            return;
        }
        in_pieces(rt, thread, from as u64, size as u64, |thread, address, size| {
            let (engine, here) = thread.at(pc);
            rt.engine.read(engine, address, size, here);
        });
        in_pieces(rt, thread, to as u64, size as u64, |thread, address, size| {
            let (engine, here) = thread.at(pc);
            rt.engine.write(engine, address, size, here);
        });
    });
}
