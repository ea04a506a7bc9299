//! Two fibers of one thread, switched without order.
use std::ffi::{c_uint, c_void};

unsafe extern "C" {
    fn __tsan_get_current_fiber() -> *mut c_void;
    fn __tsan_create_fiber(flags: c_uint) -> *mut c_void;
    fn __tsan_switch_to_fiber(fiber: *mut c_void, flags: c_uint);
    fn __tsan_destroy_fiber(fiber: *mut c_void);
}

const NO_SYNC: c_uint = 1;

static mut DATA: u64 = 0;

fn main() {
    unsafe {
        let main = __tsan_get_current_fiber();
        let fiber = __tsan_create_fiber(0);
        DATA += 1; // race: write
        __tsan_switch_to_fiber(fiber, NO_SYNC);
        // Nothing on the stack is touched here: it is the other fiber's.
        if DATA != 1 { // race: read
            std::process::abort();
        }
        __tsan_switch_to_fiber(main, NO_SYNC);
        __tsan_destroy_fiber(fiber);
    }
}
