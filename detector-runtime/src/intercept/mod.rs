//! The interceptors: functions of libc that the program reaches here first.
//!
//! An interceptor is called `racecheck_intercept_NAME` in the source; packing gives it libc's name. Each does
//! what the real function does, and tells the engine what that means: which memory was read or written, what
//! was ordered with what. The real function is called *outside* of the runtime ([`crate::gate`]): it may
//! block, call back into the program, or be interrupted by a signal handler.

pub mod allocator;
pub mod barrier;
pub mod c11;
pub mod cond;
pub mod descriptor;
pub mod dynamic;
pub mod jump;
pub mod mapping;
pub mod memory;
pub mod mutex;
pub mod once;
pub mod process;
pub mod real;
pub mod rwlock;
pub mod semaphore;
pub mod signal;
pub mod strings;
pub mod thread;

/// Finds libc's functions. A look-up takes a lock of the dynamic linker's, so it is done before the program
/// runs: later, the thread that holds that lock may be waiting for the one that calls an interceptor.
pub fn look_up() {
    real::look_up();
    for look_up in [
        barrier::look_up,
        c11::look_up,
        cond::look_up,
        descriptor::look_up,
        dynamic::look_up,
        mapping::look_up,
        mutex::look_up,
        once::look_up,
        rwlock::look_up,
        semaphore::look_up,
        strings::look_up,
        jump::look_up,
        process::look_up,
        signal::look_up,
    ] {
        look_up();
    }
    real::forget_error();
}

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
    // Where the place of the call is of no interest.
    ($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$doc])*
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($arg: $type),*) $(-> $result)? {
            // SAFETY: as above.
            #[allow(unused_unsafe, reason = "some bodies need it, some do not")]
            unsafe { $body }
        }
    };
}
pub(crate) use intercept;
