//! A thread goes from fiber to fiber, and one fiber from thread to thread: each switch orders.
use std::ffi::{c_uint, c_void};
use std::thread;

unsafe extern "C" {
    fn __tsan_get_current_fiber() -> *mut c_void;
    fn __tsan_create_fiber(flags: c_uint) -> *mut c_void;
    fn __tsan_switch_to_fiber(fiber: *mut c_void, flags: c_uint);
    fn __tsan_destroy_fiber(fiber: *mut c_void);
}

static mut DATA: u64 = 0;

fn add() {
    unsafe { DATA += 1 };
}

fn main() {
    unsafe {
        let main = __tsan_get_current_fiber();
        let fiber = __tsan_create_fiber(0);
        for _ in 0..100 {
            add();
            __tsan_switch_to_fiber(fiber, 0);
            add();
            __tsan_switch_to_fiber(main, 0);
        }
        let address = fiber as usize;
        thread::spawn(move || {
            let fiber = address as *mut c_void;
            let own = __tsan_get_current_fiber();
            __tsan_switch_to_fiber(fiber, 0);
            add();
            __tsan_switch_to_fiber(own, 0);
            add();
        })
        .join()
        .unwrap();
        __tsan_destroy_fiber(fiber);
        assert_eq!({ DATA }, 202);
    }
}
