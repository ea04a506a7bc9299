//! Functions registered with `atexit` read what joined threads wrote.
use std::ffi::c_int;
use std::thread;

unsafe extern "C" {
    fn atexit(function: extern "C" fn()) -> c_int;
}

static mut DATA: u64 = 0;

extern "C" fn at_exit() {
    let data = unsafe { DATA };
    assert_eq!(data, 1);
}

fn main() {
    for _ in 0..5 {
        assert_eq!(unsafe { atexit(at_exit) }, 0);
    }
    thread::spawn(|| unsafe { DATA = 1 }).join().unwrap();
}
