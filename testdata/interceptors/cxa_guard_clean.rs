//! The guard of a C++ static: one thread initialises it, in the second attempt, and all see it.
use std::ffi::c_int;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

unsafe extern "C" {
    fn __cxa_guard_acquire(guard: *const AtomicU64) -> c_int;
    fn __cxa_guard_release(guard: *const AtomicU64);
    fn __cxa_guard_abort(guard: *const AtomicU64);
}

static GUARD: AtomicU64 = AtomicU64::new(0);
static mut DATA: u64 = 0;

/// What a C++ compiler makes of `static u64 data = …;` in a function.
fn data() -> u64 {
    if GUARD.load(Ordering::Acquire) & 0xff == 0 && unsafe { __cxa_guard_acquire(&GUARD) } != 0 {
        if unsafe { DATA } == 0 {
            // The first attempt ends with an exception.
            unsafe { DATA = 1 };
            unsafe { __cxa_guard_abort(&GUARD) };
            return data();
        }
        unsafe { DATA += 1 };
        unsafe { __cxa_guard_release(&GUARD) };
    }
    unsafe { DATA }
}

fn main() {
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| assert_eq!(data(), 2));
        }
    });
}
