//! Threads made by `pthread_create` and joined by `pthread_join`, as C code does it.
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

extern "C" fn work(argument: *mut c_void) -> *mut c_void {
    unsafe { *argument.cast::<u64>() += 1 };
    argument
}

fn main() {
    let mut data = [0u64; 4];
    for _ in 0..60 {
        let mut ids = [0; 4];
        for (id, slot) in ids.iter_mut().zip(&mut data) {
            assert_eq!(unsafe { pthread_create(id, ptr::null(), work, (&raw mut *slot).cast()) }, 0);
        }
        for (id, slot) in ids.into_iter().zip(&mut data) {
            let mut result = ptr::null_mut();
            assert_eq!(unsafe { pthread_join(id, &mut result) }, 0);
            assert_eq!(result, (&raw mut *slot).cast());
        }
    }
    assert_eq!(data, [60; 4]);
}
