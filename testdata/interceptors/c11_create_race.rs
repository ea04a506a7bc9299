//! A thread of C11 was created before the write.
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

extern "C" fn run(_: *mut c_void) -> c_int {
    step::wait(1);
    let data = unsafe { DATA }; // race: read
    data as c_int
}

fn main() {
    let (mut thread, mut value) = (0, 0);
    assert_eq!(unsafe { thrd_create(&mut thread, run, ptr::null_mut()) }, 0);
    unsafe { DATA = 1 }; // race: write
    step::reach(1);
    assert_eq!(unsafe { thrd_join(thread, &mut value) }, 0);
    assert_eq!(value, 1);
}
