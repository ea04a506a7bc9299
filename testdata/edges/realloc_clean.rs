//! Blocks that grow and shrink by `realloc`, in place or not, passed from thread to thread.
use std::ffi::c_void;
use std::thread;

unsafe extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn realloc(block: *mut c_void, size: usize) -> *mut c_void;
    fn free(block: *mut c_void);
}

fn main() {
    let mut block = unsafe { malloc(8) } as usize;
    unsafe { (block as *mut u64).write(7) };
    for round in 1..=60 {
        let next = thread::spawn(move || {
            let size = 8 + (round * 7919) % 100_000;
            let block = unsafe { realloc(block as *mut c_void, size) };
            unsafe {
                assert_eq!((block as *mut u64).read(), 7);
                block.cast::<u8>().add(size - 1).write(if size == 8 { 0 } else { 9 });
                (block as *mut u64).write(7);
            }
            block as usize
        });
        block = next.join().unwrap();
    }
    unsafe { free(block as *mut c_void) };
}
