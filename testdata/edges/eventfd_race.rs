//! The write comes after the eventfd was signalled.
use std::ffi::{c_int, c_uint};
use std::thread;

unsafe extern "C" {
    fn eventfd(initial: c_uint, flags: c_int) -> c_int;
    fn read(fd: c_int, buffer: *mut u64, count: usize) -> isize;
    fn write(fd: c_int, buffer: *const u64, count: usize) -> isize;
    fn close(fd: c_int) -> c_int;
}

static mut DATA: u64 = 0;

fn signal(fd: c_int) {
    assert_eq!(unsafe { write(fd, &1, 8) }, 8);
}

fn wait(fd: c_int) {
    let mut count = 0;
    assert_eq!(unsafe { read(fd, &mut count, 8) }, 8);
    assert_eq!(count, 1);
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
    let fd = unsafe { eventfd(0, 0) };
    thread::scope(|s| {
        s.spawn(move || {
            wait(fd);
            step::wait(1);
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        signal(fd);
        unsafe { DATA = 1 }; // race: write
        step::reach(1);
    });
    assert_eq!(unsafe { close(fd) }, 0);
}
