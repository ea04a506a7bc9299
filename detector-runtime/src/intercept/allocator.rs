//! The program's own allocator (`#[global_allocator]`): what was done in a block ends with the block.
//!
//! Such an allocator takes memory from one thread and gives it to another, and orders the one before the other by
//! means that need not be seen: it may be written in C. So its blocks end here, before it gets them: their accesses are
//! checked against the deallocation, as those of the heap are by `free`, and forgotten. A new block then
//! begins with whatever the allocator itself has written there.
//!
//! Blocks of the heap's that such an allocator passes on, as one does that counts, are left to `free`. What lies beside
//! a block in one granule is left alone, so the ends of blocks that are not aligned to 8 bytes are forgotten
//! unchecked.

use core::arch::naked_asm;

use racecheck_engine::AccessKind;

use crate::gate::enter;
use crate::runtime::{RUNTIME, Runtime};

/// Bytes of a granule.
const GRANULE: u64 = 8;

/// The bridge, which the command line makes, jumps here in front of `__rust_dealloc(block, size, align)`, whose address
/// is in r11. That function sees its caller's frame and arguments as if it were called without us.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn racecheck_rt_block_ends() {
    naked_asm!(
        "push rdi",
        "push rsi",
        "push rdx",
        "push rcx",
        "push r11",
        "mov rdx, qword ptr [rsp + 40]",
        "call {ends}",
        "pop r11",
        "pop rcx",
        "pop rdx",
        "pop rsi",
        "pop rdi",
        "jmp r11",
        ends = sym ends,
    )
}

/// The same in front of `__rust_realloc(block, size, align, new_size)`. What the allocator copies out of the block that
/// has ended is no access of the program's: nobody would forget it before the block is somebody else's.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn racecheck_rt_block_moves() {
    naked_asm!(
        "push rdi",
        "push rsi",
        "push rdx",
        "push rcx",
        "push r11",
        "mov rdx, qword ptr [rsp + 40]",
        "call {moves}",
        "pop r11",
        "pop rcx",
        "pop rdx",
        "pop rsi",
        "pop rdi",
        "test al, al",
        "jnz 2f",
        "jmp r11",
        "2:",
        "sub rsp, 8",
        "call r11",
        "mov qword ptr [rsp], rax",
        "call {moved}",
        "pop rax",
        "ret",
        moves = sym moves,
        moved = sym moved,
    )
}

/// True if accesses are not looked at until [`moved`].
extern "C" fn moves(block: u64, size: u64, pc: u64) -> bool {
    if RUNTIME.get().is_none_or(|rt| is_of_heap(rt, block, size)) {
        return false;
    }
    end(block, size, pc);
    enter(|_, thread| thread.ignore += 1).is_some()
}

extern "C" fn moved() {
    enter(|_, thread| thread.ignore -= 1);
}

extern "C" fn ends(block: u64, size: u64, pc: u64) {
    if RUNTIME.get().is_some_and(|rt| !is_of_heap(rt, block, size)) {
        end(block, size, pc);
    }
}

/// True for a block that `free` gets next.
#[inline]
fn is_of_heap(rt: &Runtime, block: u64, size: u64) -> bool {
    let found = rt.heap.block_of(block as usize);
    found.is_some_and(|it| it.start().as_ptr() as u64 == block && it.requested() as u64 == size)
}

#[cold]
fn end(block: u64, size: u64, pc: u64) {
    enter(|rt, thread| {
        let (first, last) = (block.next_multiple_of(GRANULE), (block + size) / GRANULE * GRANULE);
        if first < last && thread.ignore == 0 {
            let ctx = thread.context(&rt.engine.contexts, pc);
            rt.engine.retire(&mut thread.engine, first, last - first, AccessKind::Free, None, ctx);
        }
        rt.engine.reset(block, size);
    });
}
