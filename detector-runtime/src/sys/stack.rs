//! A stack of the runtime's own, for work that may not fit on the one at hand: a program whose stack has overflowed
//! goes on in its handler on an alternate one, which is small.

use core::arch::naked_asm;
use core::ptr::NonNull;

use super::memory::{self, Placement, Protection};

/// Room for whatever the runtime does at the end of a process. Only what is touched costs memory.
const SIZE: usize = 1 << 20;

/// Calls `work` on a fresh stack; on the present one if there is no memory for that.
pub fn on_fresh_stack(work: extern "C" fn()) {
    match memory::reserve(Placement::Anywhere, SIZE, Protection::ReadWrite) {
        Ok(stack) => {
            // SAFETY: the end of a mapping that is ours and is a multiple of 16 long.
            unsafe { call_on(work, stack.add(SIZE)) };
            // SAFETY: nobody is on it any more.
            let _ = unsafe { memory::unmap(stack.as_ptr(), SIZE) };
        }
        Err(_) => work(),
    }
}

/// # Safety
/// `top` is the end of a stack that nobody uses, aligned to 16 bytes. `work` returns.
#[unsafe(naked)]
unsafe extern "C" fn call_on(work: extern "C" fn(), top: NonNull<u8>) {
    naked_asm!("push rbp", "mov rbp, rsp", "mov rsp, rsi", "call rdi", "mov rsp, rbp", "pop rbp", "ret")
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn work_is_done_elsewhere() {
        static SEEN: AtomicUsize = AtomicUsize::new(0);
        extern "C" fn work() {
            let here = 0u8;
            SEEN.store(&raw const here as usize, Ordering::Relaxed);
        }
        let here = 0u8;
        on_fresh_stack(work);
        assert!(SEEN.load(Ordering::Relaxed).abs_diff(&raw const here as usize) > SIZE / 2);
    }
}
