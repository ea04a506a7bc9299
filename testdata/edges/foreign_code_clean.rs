//! Code that is not instrumented locks by means of its own, which are not seen, and calls libc: what such code does is
//! not judged against itself.
use std::arch::global_asm;
use std::thread;

// Under a lock of its own: frees the block that was kept, and keeps a new one that is filled.
global_asm!(
    ".type racecheck_test_renew, @function",
    "racecheck_test_renew:",
    "push rbx",
    "2:",
    "mov eax, 1",
    "xchg eax, dword ptr [rip + racecheck_test_lock]",
    "pause",
    "test eax, eax",
    "jnz 2b",
    "mov rdi, qword ptr [rip + racecheck_test_block]",
    "call free@PLT",
    "mov edi, 100",
    "call malloc@PLT",
    "mov qword ptr [rip + racecheck_test_block], rax",
    "mov rdi, rax",
    "mov esi, 7",
    "mov edx, 100",
    "call memset@PLT",
    "mov dword ptr [rip + racecheck_test_lock], 0",
    "pop rbx",
    "ret",
    ".size racecheck_test_renew, . - racecheck_test_renew",
    ".local racecheck_test_lock",
    ".comm racecheck_test_lock, 4, 4",
    ".local racecheck_test_block",
    ".comm racecheck_test_block, 8, 8",
);

unsafe extern "C" {
    fn racecheck_test_renew();
}

fn main() {
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..200 {
                    unsafe { racecheck_test_renew() };
                }
            });
        }
    });
}
