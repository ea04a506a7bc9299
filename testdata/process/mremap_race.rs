//! A mapping is moved away without order after the access of another thread.
use std::ffi::{c_int, c_void};
use std::ptr;
use std::thread;

unsafe extern "C" {
    fn mmap(at: *mut c_void, len: usize, prot: c_int, flags: c_int, fd: c_int, offset: i64) -> *mut c_void;
    fn munmap(at: *mut c_void, len: usize) -> c_int;
}

const READ_WRITE: c_int = 3;
const PRIVATE_ANONYMOUS: c_int = 0x22;

fn map(size: usize) -> usize {
    let at = unsafe { mmap(ptr::null_mut(), size, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0) };
    assert_ne!(at as isize, -1);
    at as usize
}

unsafe extern "C" {
    fn mremap(at: *mut c_void, len: usize, new: usize, flags: c_int, ...) -> *mut c_void;
}

const MAYMOVE_FIXED: c_int = 3;

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
    const SIZE: usize = 1 << 14;
    let (home, target) = (map(SIZE), map(SIZE));
    thread::scope(|s| {
        s.spawn(move || {
            unsafe { (home as *mut u64).write(1) }; // race: write
            step::reach(1);
            step::wait(2);
        });
        step::wait(1);
        let (from, to) = (home as *mut c_void, target as *mut c_void);
        let at = unsafe { mremap(from, SIZE, SIZE, MAYMOVE_FIXED, to) }; // race: free
        assert_eq!(at, to);
        step::reach(2);
    });
    assert_eq!(unsafe { munmap(target as *mut c_void, SIZE) }, 0);
}
