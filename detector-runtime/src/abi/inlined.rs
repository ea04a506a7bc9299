//! The other end of the fast paths that are inlined into programs.
//!
//! Where the compiler can import functions (see the command line's `inlined` module), the calls of `__tsan_read8`
//! and its kin are replaced by their first instructions. Those look at the shadow word for the usual case, and come
//! here for all others, by a call of which the compiler knows nothing: it is made from within inline assembly that
//! names two scratch registers and the flags as clobbered, and nothing else. So these stubs
//!
//! * take their arguments from the stack, and remove them: first the address, above it the place in the program;
//! * leave all registers as they are, vector registers included. The runtime is compiled for plain x86_64, whose
//!   instructions leave the upper halves of wide vector registers alone, so the lower ones are enough. (Signal
//!   handlers that waited are run by the kernel, which keeps everything itself.)
//! * may be called with any alignment of the stack.
//!
//! Before the engine is asked they look once more, as the ABI's own entry points in [`super::access`] do.

use core::arch::naked_asm;

use super::access::{slow_read, slow_write};
use super::function::{entry_without_room, exit_below_the_bottom};

/// Calls the function whose address is in rax, and keeps the vector registers.
#[unsafe(naked)]
extern "C" fn keeping_vectors() {
    naked_asm!(
        "push rbp",
        "mov rbp, rsp",
        "sub rsp, 256",
        "and rsp, -16",
        "movaps [rsp], xmm0",
        "movaps [rsp + 16], xmm1",
        "movaps [rsp + 32], xmm2",
        "movaps [rsp + 48], xmm3",
        "movaps [rsp + 64], xmm4",
        "movaps [rsp + 80], xmm5",
        "movaps [rsp + 96], xmm6",
        "movaps [rsp + 112], xmm7",
        "movaps [rsp + 128], xmm8",
        "movaps [rsp + 144], xmm9",
        "movaps [rsp + 160], xmm10",
        "movaps [rsp + 176], xmm11",
        "movaps [rsp + 192], xmm12",
        "movaps [rsp + 208], xmm13",
        "movaps [rsp + 224], xmm14",
        "movaps [rsp + 240], xmm15",
        "call rax",
        "movaps xmm0, [rsp]",
        "movaps xmm1, [rsp + 16]",
        "movaps xmm2, [rsp + 32]",
        "movaps xmm3, [rsp + 48]",
        "movaps xmm4, [rsp + 64]",
        "movaps xmm5, [rsp + 80]",
        "movaps xmm6, [rsp + 96]",
        "movaps xmm7, [rsp + 112]",
        "movaps xmm8, [rsp + 128]",
        "movaps xmm9, [rsp + 144]",
        "movaps xmm10, [rsp + 160]",
        "movaps xmm11, [rsp + 176]",
        "movaps xmm12, [rsp + 192]",
        "movaps xmm13, [rsp + 208]",
        "movaps xmm14, [rsp + 224]",
        "movaps xmm15, [rsp + 240]",
        "mov rsp, rbp",
        "pop rbp",
        "ret",
    )
}

/// Keeps the registers that calls may change, but for rax, rcx and rdx: 48 bytes.
macro_rules! push_others {
    () => {
        "push rdi\npush rsi\npush r8\npush r9\npush r10\npush r11"
    };
}

/// Gives back what [`push_others`] has kept.
macro_rules! pop_others {
    () => {
        "pop r11\npop r10\npop r9\npop r8\npop rsi\npop rdi"
    };
}

/// A stub with the look that it takes. In the look, rdx holds the address and rax, rcx and rdx may be used; it jumps
/// to `8f` where there is nothing to do, and to `9f` otherwise.
macro_rules! stub {
    ($name:ident, $size:literal, $slow:ident, $($look:expr),*) => {
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        extern "C" fn $name() {
            naked_asm!(
                "push rax",
                "push rcx",
                "push rdx",
                "mov rdx, qword ptr [rsp + 32]",
                $($look,)*
                "9:",
                push_others!(),
                "mov rdi, qword ptr [rsp + 80]",
                concat!("mov esi, ", $size),
                "mov rdx, qword ptr [rsp + 88]",
                "lea rax, [rip + {slow}]",
                "call {keeping}",
                pop_others!(),
                "8:",
                "pop rdx",
                "pop rcx",
                "pop rax",
                "ret 16",
                keeping = sym keeping_vectors,
                slow = sym $slow,
            )
        }
    };
}

/// A read within a granule: were these bytes written, or read, by this thread in its epoch?
macro_rules! read_stub {
    ($name:ident, $size:literal, $mask:literal) => {
        stub!(
            $name,
            $size,
            slow_read,
            "mov rax, rdx",
            "and rax, -8",
            "btc rax, 46",
            "mov rax, qword ptr [rax]",
            "mov ecx, edx",
            "and ecx, 7",
            concat!("mov edx, ", $mask),
            "shl edx, cl",
            "mov ecx, eax",
            "not ecx",
            "test ecx, edx", // does the word speak for them?
            "jnz 9f",
            "mov edx, eax",
            "xor edx, dword ptr fs:[racecheck_rt_local@TPOFF + 8]",
            "test edx, 0xffffff00", // written in this epoch?
            "jz 8f",
            "shr rax, 32",
            "cmp eax, dword ptr fs:[racecheck_rt_local@TPOFF + 12]", // read in this epoch?
            "je 8f",
            "mov ecx, eax",
            "and ecx, 7",
            "cmp eax, dword ptr fs:[4 * rcx + racecheck_rt_local@TPOFF + 40]", // by others as well?
            "je 8f"
        );
    };
}

/// A write within a granule: were these bytes written by this thread in its epoch?
macro_rules! write_stub {
    ($name:ident, $size:literal, $mask:literal) => {
        stub!(
            $name,
            $size,
            slow_write,
            "mov rax, rdx",
            "and rax, -8",
            "btc rax, 46",
            "mov eax, dword ptr [rax]",
            "mov ecx, edx",
            "and ecx, 7",
            concat!("mov edx, ", $mask),
            "shl edx, cl",
            "mov ecx, eax",
            "not ecx",
            "test ecx, edx",
            "jnz 9f",
            "xor eax, dword ptr fs:[racecheck_rt_local@TPOFF + 8]",
            "test eax, 0xffffff00",
            "jz 8f"
        );
    };
}

read_stub!(racecheck_rt_slow_read1, "1", "0x1");
read_stub!(racecheck_rt_slow_read2, "2", "0x3");
read_stub!(racecheck_rt_slow_read4, "4", "0xf");
read_stub!(racecheck_rt_slow_read8, "8", "0xff");
write_stub!(racecheck_rt_slow_write1, "1", "0x1");
write_stub!(racecheck_rt_slow_write2, "2", "0x3");
write_stub!(racecheck_rt_slow_write4, "4", "0xf");

// What else is inlined has looked at all there is where the address is aligned. Sixteen bytes may lie in three granules.
stub!(racecheck_rt_slow_write8, "8", slow_write,);
stub!(racecheck_rt_slow_unaligned_read8, "8", slow_read,);
stub!(racecheck_rt_slow_write16, "16", slow_write,);
stub!(
    racecheck_rt_slow_read16,
    "16",
    slow_read,
    "test dl, 7",
    "jnz 9f",
    "btc rdx, 46",
    "mov rax, qword ptr [rdx]",
    "mov rcx, qword ptr [rdx + 8]",
    "mov edx, dword ptr fs:[racecheck_rt_local@TPOFF + 8]",
    "cmp eax, edx",
    "je 2f",
    "cmp al, 0xff",
    "jne 9f",
    "shr rax, 32",
    "cmp eax, dword ptr fs:[racecheck_rt_local@TPOFF + 12]",
    "jne 9f",
    "2:",
    "cmp ecx, edx",
    "je 8f",
    "cmp cl, 0xff",
    "jne 9f",
    "shr rcx, 32",
    "cmp ecx, dword ptr fs:[racecheck_rt_local@TPOFF + 12]",
    "je 8f"
);

/// A stub of the shadow call stack's: puts the argument in place, if there is one, and removes as many bytes.
macro_rules! call_stack_stub {
    ($(#[$doc:meta])* $name:ident, $argument:literal, $removes:literal, $slow:ident) => {
        $(#[$doc])*
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        extern "C" fn $name() {
            naked_asm!(
                "push rax",
                "push rcx",
                "push rdx",
                push_others!(),
                $argument,
                "lea rax, [rip + {slow}]",
                "call {keeping}",
                pop_others!(),
                "pop rdx",
                "pop rcx",
                "pop rax",
                concat!("ret ", $removes),
                keeping = sym keeping_vectors,
                slow = sym $slow,
            )
        }
    };
}

call_stack_stub!(
    /// A function is entered, and there is no room on the shadow call stack, or none yet. The argument on the stack is
    /// its return address.
    racecheck_rt_slow_entry,
    "mov rdi, qword ptr [rsp + 80]",
    "8",
    entry_without_room
);
call_stack_stub!(
    /// A function returns whose entry was not seen.
    racecheck_rt_slow_exit,
    "",
    "",
    exit_below_the_bottom
);
