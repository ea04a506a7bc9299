//! Code that is not instrumented, as a C library, allocates and frees blocks that it hands from thread to thread by an
//! atomic variable of its own. Nothing of that can be seen, and nothing is said of it.
use std::arch::global_asm;
use std::ffi::c_void;
use std::thread;

// An exchange is a full barrier.
global_asm!(
    ".globl foreign_put",
    "foreign_put:",
    "sub rsp, 8",
    "mov edi, 64",
    "call malloc@PLT",
    "add rsp, 8",
    "mov qword ptr [rax], 77",
    "2:",
    "xor ecx, ecx",
    "mov rdx, rax",
    "mov rax, rcx",
    "lock cmpxchg qword ptr [rip + foreign_slot], rdx",
    "mov rax, rdx",
    "jne 2b",
    "ret",
    ".globl foreign_take",
    "foreign_take:",
    "xor eax, eax",
    "xchg qword ptr [rip + foreign_slot], rax",
    "ret",
    ".globl foreign_free",
    "foreign_free:",
    "jmp free@PLT",
    ".bss",
    ".p2align 3",
    "foreign_slot: .zero 8",
    ".text",
);

unsafe extern "C" {
    fn foreign_put();
    fn foreign_take() -> *mut c_void;
    fn foreign_free(block: *mut c_void);
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            for i in 0..1000 {
                let block = loop {
                    let block = unsafe { foreign_take() };
                    if !block.is_null() {
                        break block;
                    }
                    thread::yield_now();
                };
                if i % 2 == 0 {
                    assert_eq!(unsafe { block.cast::<u64>().read() }, 77);
                }
                unsafe { foreign_free(block) };
            }
        });
        for _ in 0..1000 {
            unsafe { foreign_put() };
        }
    });
}
