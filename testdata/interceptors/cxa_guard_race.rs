//! The guard of a C++ static says nothing of what its initialiser's thread does afterwards.
use std::ffi::c_int;
use std::sync::atomic::AtomicU64;
use std::thread;

unsafe extern "C" {
    fn __cxa_guard_acquire(guard: *const AtomicU64) -> c_int;
    fn __cxa_guard_release(guard: *const AtomicU64);
}

static GUARD: AtomicU64 = AtomicU64::new(0);
static mut DATA: u64 = 0;

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

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            assert_eq!(unsafe { __cxa_guard_acquire(&GUARD) }, 0);
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        assert_eq!(unsafe { __cxa_guard_acquire(&GUARD) }, 1);
        unsafe { __cxa_guard_release(&GUARD) };
        unsafe { DATA = 1 }; // race: write
        step::reach(1);
    });
}
