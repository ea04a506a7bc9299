//! `poll` finds another descriptor ready than the one that the data went with.
use std::ffi::{c_int, c_short, c_ulong};
use std::io::{self, Write};
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
    let (rx, mut tx) = io::pipe().unwrap();
    let (_other, mut to_other) = io::pipe().unwrap();
    tx.write_all(&[1]).unwrap();
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            let mut descriptor = Poll { fd: rx.as_raw_fd(), events: POLLIN, revents: 0 };
            assert_eq!(unsafe { poll(&mut descriptor, 1, -1) }, 1);
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        unsafe { DATA = 1 }; // race: write
        to_other.write_all(&[1]).unwrap();
        step::reach(1);
    });
}
