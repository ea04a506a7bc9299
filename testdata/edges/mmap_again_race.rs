//! Two threads write into one anonymous mapping.
use std::ffi::{c_int, c_void};
use std::ptr;
use std::thread;

unsafe extern "C" {
    fn mmap(at: *mut c_void, len: usize, prot: c_int, flags: c_int, fd: c_int, offset: i64) -> *mut c_void;
    fn munmap(at: *mut c_void, len: usize) -> c_int;
}

const SIZE: usize = 1 << 16;
const READ_WRITE: c_int = 3;
const PRIVATE_ANONYMOUS: c_int = 0x22;

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
    let map = unsafe { mmap(ptr::null_mut(), SIZE, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0) };
    let place = map as usize + 5000;
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            unsafe { (place as *mut u32).write(2) }; // race: write
        });
        unsafe { (place as *mut u32).write(1) }; // race: write
        step::reach(1);
    });
    assert_eq!(unsafe { (place as *mut u32).read() }, 2);
    assert_eq!(unsafe { munmap(map, SIZE) }, 0);
}
