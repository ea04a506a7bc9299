//! The bytes of a variable set by `putenv` belong to the program: one thread changes them, another reads them.
use std::ffi::{c_char, c_int};
use std::thread;

unsafe extern "C" {
    fn putenv(assignment: *mut c_char) -> c_int;
    fn getenv(name: *const c_char) -> *mut c_char;
}

static mut ASSIGNMENT: [u8; 9] = *b"COLOUR=1\0";

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
    assert_eq!(unsafe { putenv((&raw mut ASSIGNMENT).cast()) }, 0);
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            let value = unsafe { getenv(c"COLOUR".as_ptr()) };
            let digit = unsafe { *value } as u8; // race: read
            assert_eq!(digit, b'2');
        });
        unsafe { ASSIGNMENT[7] = b'2' }; // race: write
        step::reach(1);
    });
}
