//! A mapping is given back and made again at the same address by the next thread, without an edge between the two.
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
const FIXED: c_int = 0x10;

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
    let home = unsafe { mmap(ptr::null_mut(), SIZE, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0) } as usize;
    thread::scope(|s| {
        for turn in 0..40u32 {
            s.spawn(move || {
                step::wait(turn);
                let home = home as *mut c_void;
                let again = unsafe { mmap(home, SIZE, READ_WRITE, PRIVATE_ANONYMOUS | FIXED, -1, 0) };
                assert_eq!(again, home);
                let place = (home as usize + 5000) as *mut u32;
                assert_eq!(unsafe { place.read() }, 0);
                unsafe { place.write(turn) };
                step::reach(turn + 1);
            });
        }
    });
    assert_eq!(unsafe { munmap(home as *mut c_void, SIZE) }, 0);
}
