//! A thread of C11: its start and its end order.
use std::ffi::{c_int, c_void};
use std::ptr;

unsafe extern "C" {
    fn thrd_create(
        thread: *mut usize,
        function: extern "C" fn(*mut c_void) -> c_int,
        argument: *mut c_void,
    ) -> c_int;
    fn thrd_join(thread: usize, value: *mut c_int) -> c_int;
}

static mut DATA: u64 = 0;

extern "C" fn run(_: *mut c_void) -> c_int {
    unsafe { DATA += 1 };
    -7
}

fn main() {
    for _ in 0..100 {
        unsafe { DATA += 1 };
        let (mut thread, mut value) = (0, 0);
        assert_eq!(unsafe { thrd_create(&mut thread, run, ptr::null_mut()) }, 0);
        assert_eq!(unsafe { thrd_join(thread, &mut value) }, 0);
        assert_eq!(value, -7);
    }
    assert_eq!(unsafe { DATA }, 200);
}
