//! `poll` says that a byte has come, which is information already.
use std::ffi::{c_int, c_short, c_ulong};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::thread;

/// The kernel's `struct pollfd`.
#[repr(C)]
struct Poll {
    fd: c_int,
    events: c_short,
    revents: c_short,
}

unsafe extern "C" {
    fn poll(descriptors: *mut Poll, count: c_ulong, timeout: c_int) -> c_int;
}

const POLLIN: c_short = 1;
static mut DATA: u64 = 0;

fn wait(fd: &impl AsRawFd) {
    let mut descriptor = Poll { fd: fd.as_raw_fd(), events: POLLIN, revents: 0 };
    assert_eq!(unsafe { poll(&mut descriptor, 1, -1) }, 1);
    // The other end may be closed already.
    assert_eq!(descriptor.revents & POLLIN, POLLIN);
}

fn main() {
    let (mut there, mut to_there) = io::pipe().unwrap();
    let (mut back, mut to_back) = io::pipe().unwrap();
    thread::scope(|s| {
        s.spawn(move || {
            for _ in 0..100 {
                wait(&there);
                unsafe { DATA += 1 };
                there.read_exact(&mut [0]).unwrap();
                to_back.write_all(&[1]).unwrap();
            }
        });
        for _ in 0..100 {
            unsafe { DATA += 1 };
            to_there.write_all(&[1]).unwrap();
            wait(&back);
            assert_eq!(unsafe { DATA } % 2, 0);
            back.read_exact(&mut [0]).unwrap();
        }
    });
}
