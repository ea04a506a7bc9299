//! A thread made by `pthread_create` itself, as C code does it, races with its maker.
use std::ffi::{c_int, c_void};
use std::ptr;

type Start = extern "C" fn(*mut c_void) -> *mut c_void;

unsafe extern "C" {
    fn pthread_create(
        id: *mut usize,
        attributes: *const c_void,
        start: Start,
        argument: *mut c_void,
    ) -> c_int;
    fn pthread_join(id: usize, result: *mut *mut c_void) -> c_int;
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

extern "C" fn work(argument: *mut c_void) -> *mut c_void {
    step::wait(1);
    unsafe { *argument.cast::<u64>() = 2 }; // race: write
    argument
}

fn main() {
    let mut id = 0;
    let mut data = 0u64;
    let argument = &raw mut data;
    assert_eq!(unsafe { pthread_create(&mut id, ptr::null(), work, argument.cast()) }, 0);
    unsafe { *argument = 1 }; // race: write
    step::reach(1);
    assert_eq!(unsafe { pthread_join(id, ptr::null_mut()) }, 0);
    assert_eq!(unsafe { *argument }, 2);
}
