//! Threads map memory, large and small, and give it back; the kernel hands the same addresses to others.
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

fn main() {
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for turn in 0..200u64 {
                    let size = 1 << (12 + turn % 10);
                    let home = map(size);
                    for at in [0, size / 2, size - 8] {
                        let place = (home + at) as *mut u64;
                        assert_eq!(unsafe { place.read() }, 0);
                        unsafe { place.write(turn) };
                    }
                    assert_eq!(unsafe { munmap(home as *mut c_void, size) }, 0);
                }
            });
        }
    });
    // A reservation costs nothing, whatever its size.
    let huge = 1 << 40;
    let at = unsafe { mmap(ptr::null_mut(), huge, 0, PRIVATE_ANONYMOUS | 0x4000, -1, 0) };
    assert_ne!(at as isize, -1);
    assert_eq!(unsafe { munmap(at, huge) }, 0);
}
