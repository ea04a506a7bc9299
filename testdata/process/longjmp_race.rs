//! After many jumps out of deep calls, a race is reported with the functions that are active.
use std::ffi::c_int;
use std::thread;

static mut DATA: u64 = 0;

std::arch::global_asm!(
    // try_jump(buffer, function, argument): calls `_setjmp(buffer)`, then the function; 1 if it jumped back.
    ".globl try_jump",
    "try_jump:",
    "push rbx",
    "push r12",
    "sub rsp, 8",
    "mov rbx, rsi",
    "mov r12, rdx",
    "call _setjmp@PLT",
    "test eax, eax",
    "jne 2f",
    "mov rdi, r12",
    "call rbx",
    "xor eax, eax",
    "2:",
    "add rsp, 8",
    "pop r12",
    "pop rbx",
    "ret",
);

/// glibc's `jmp_buf`.
#[repr(C, align(16))]
struct Buffer([u64; 25]);

unsafe extern "C" {
    fn try_jump(buffer: *mut Buffer, function: extern "C" fn(*mut Buffer), argument: *mut Buffer) -> c_int;
    fn longjmp(buffer: *mut Buffer, value: c_int) -> !;
}

/// Jumps from deep within.
extern "C" fn dive(buffer: *mut Buffer) {
    fn deeper(buffer: *mut Buffer, depth: u32) {
        if depth == 0 {
            unsafe { longjmp(buffer, 1) };
        }
        deeper(buffer, depth - 1);
        std::hint::black_box(depth);
    }
    deeper(buffer, 40);
}

fn jump() {
    let mut buffer = Buffer([0; 25]);
    let buffer = &raw mut buffer;
    assert_eq!(unsafe { try_jump(buffer, dive, buffer) }, 1);
}

/// Fixes the order in real time. Relaxed, so that no happens-before edge comes with it.
mod step {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    static NOW: AtomicU32 = AtomicU32::new(0);

    pub fn reach(step: u32) {
        NOW.store(step, Relaxed);
    }

    pub fn wait(step: u32) {
        while NOW.load(Relaxed) < step {
            std::thread::yield_now();
        }
    }
}

#[inline(never)]
fn write() {
    for _ in 0..1000 {
        jump();
    }
    unsafe { DATA = 1 }; // race: write
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        write();
        step::reach(1);
    });
}
