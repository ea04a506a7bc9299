//! Annotations of other memory change nothing here.
use std::ffi::{c_char, c_int, c_void};
use std::thread;

unsafe extern "C" {
    fn __tsan_acquire(address: *const c_void);
    fn __tsan_release(address: *const c_void);
    fn AnnotateBenignRaceSized(
        file: *const c_char,
        line: c_int,
        address: *const c_void,
        size: usize,
        why: *const c_char,
    );
    fn AnnotateIgnoreWritesBegin(file: *const c_char, line: c_int);
    fn AnnotateIgnoreWritesEnd(file: *const c_char, line: c_int);
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

static mut DATA: [u64; 2] = [0; 2];
static EARLY: u64 = 0;
static LATE: u64 = 0;

fn main() {
    unsafe {
        AnnotateBenignRaceSized(c"".as_ptr(), 0, (&raw const DATA[0]).cast(), 8, c"meant".as_ptr());
        AnnotateIgnoreWritesBegin(c"".as_ptr(), 0);
        AnnotateIgnoreWritesEnd(c"".as_ptr(), 0);
    }
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            unsafe { __tsan_acquire((&raw const EARLY).cast()) };
            let data = unsafe { DATA[1] }; // race: read
            assert_eq!(data, 1);
        });
        unsafe {
            __tsan_release((&raw const EARLY).cast());
            DATA[1] = 1; // race: write
            __tsan_release((&raw const LATE).cast());
        }
        step::reach(1);
    });
}
