//! A block shrinks and grows where it lies, passed from thread to thread.
use std::ffi::c_void;
use std::thread;

unsafe extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn realloc(block: *mut c_void, size: usize) -> *mut c_void;
    fn free(block: *mut c_void);
}

fn main() {
    let block = unsafe { malloc(1000) } as usize;
    for round in 0..60 {
        thread::scope(|s| {
            s.spawn(move || unsafe { (block as *mut u8).add(77).write(round) });
        });
        let size = if round % 2 == 0 { 990 } else { 1000 };
        assert_eq!(unsafe { realloc(block as *mut c_void, size) } as usize, block);
        assert_eq!(unsafe { (block as *mut u8).add(77).read() }, round);
    }
    unsafe { free(block as *mut c_void) };
}
