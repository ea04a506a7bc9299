//! A block moves in place by `realloc` while another thread has written to its old place.
use std::ffi::c_void;
use std::hint::black_box;
use std::thread;

unsafe extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn realloc(block: *mut c_void, size: usize) -> *mut c_void;
    fn free(block: *mut c_void);
}

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
    let block = unsafe { malloc(1000) } as usize;
    thread::scope(|s| {
        s.spawn(move || {
            step::wait(1);
            let moved = unsafe { realloc(block as *mut c_void, 990) }; // race: any
            // Without the black box, LLVM makes one free of the realloc and the free.
            unsafe { free(black_box(moved)) };
        });
        unsafe { (block as *mut u8).add(77).write(1) }; // race: write
        step::reach(1);
    });
}
