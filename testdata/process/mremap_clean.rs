//! A mapping grows, moves and shrinks while its addresses are used again by other threads.
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

const MAYMOVE: c_int = 1;

fn remap(at: usize, size: usize, new: usize) -> usize {
    let at = unsafe { mremap(at as *mut c_void, size, new, MAYMOVE) };
    assert_ne!(at as isize, -1);
    at as usize
}

fn main() {
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for turn in 1..100u64 {
                    let mut at = map(1 << 14);
                    unsafe { (at as *mut u64).write(turn) };
                    let mut size = 1 << 14;
                    for new in [1 << 15, 1 << 18, 1 << 20, 1 << 13] {
                        at = remap(at, size, new);
                        size = new;
                        assert_eq!(unsafe { (at as *mut u64).read() }, turn);
                        unsafe { ((at + size - 8) as *mut u64).write(turn) };
                    }
                    assert_eq!(unsafe { munmap(at as *mut c_void, size) }, 0);
                }
            });
        }
    });
}
