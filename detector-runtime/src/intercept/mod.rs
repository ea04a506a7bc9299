//! The interceptors: functions of libc that the program reaches here first.
//!
//! An interceptor is called `racecheck_intercept_NAME` in the source; packing gives it libc's name. Each does
//! what the real function does, and tells the engine what that means: which memory was read or written, what
//! was ordered with what. The real function is called *outside* of the runtime ([`crate::gate`]): it may
//! block, call back into the program, or be interrupted by a signal handler.

pub mod jump;
pub mod memory;
pub mod process;
pub mod real;
pub mod signal;
pub mod thread;

/// An interceptor: a stub that passes its return address on as one more argument, and the body.
///
/// `reg` is the register after those of the arguments: rdi, rsi, rdx, rcx, r8, r9.
macro_rules! intercept {
    ($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),* $(,)?; $pc:ident in $reg:literal) $(-> $result:ty)? $body:block) => {
        $(#[$doc])*
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($arg: $type),*) $(-> $result)? {
            unsafe extern "C" fn inner($($arg: $type,)* $pc: u64) $(-> $result)? {
                // SAFETY: the program calls this in place of libc's function and keeps that one's promises.
                #[allow(unused_unsafe, reason = "some bodies need it, some do not")]
                unsafe { $body }
            }
            core::arch::naked_asm!(concat!("mov ", $reg, ", qword ptr [rsp]"), "jmp {inner}", inner = sym inner)
        }
    };
}
pub(crate) use intercept;
