//! An eventfd hands the data over and another hands it back.
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

fn main() {
    let there = unsafe { eventfd(0, 0) };
    let back = unsafe { eventfd(0, 0) };
    thread::scope(|s| {
        s.spawn(move || {
            for _ in 0..100 {
                wait(there);
                unsafe { DATA += 1 };
                signal(back);
            }
        });
        for i in 0..100 {
            unsafe { DATA += 1 };
            signal(there);
            wait(back);
            assert_eq!(unsafe { DATA }, 2 * i + 2);
        }
    });
    assert_eq!(unsafe { close(there) + close(back) }, 0);
}
