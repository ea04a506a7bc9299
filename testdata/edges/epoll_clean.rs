//! A thread waits by epoll for a byte, and leaves it in the pipe: the wake-up orders.
use std::ffi::c_int;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::thread;

/// The kernel's `struct epoll_event`, packed on x86-64.
#[repr(C, packed)]
#[derive(Clone, Copy)]
struct Event {
    events: u32,
    data: u64,
}

unsafe extern "C" {
    fn epoll_create1(flags: c_int) -> c_int;
    fn epoll_ctl(epoll: c_int, operation: c_int, fd: c_int, event: *mut Event) -> c_int;
    fn epoll_wait(epoll: c_int, events: *mut Event, count: c_int, timeout: c_int) -> c_int;
    fn close(fd: c_int) -> c_int;
}

const EPOLL_CTL_ADD: c_int = 1;
const EPOLLIN: u32 = 1;
static mut DATA: u64 = 0;

fn wait(epoll: c_int) {
    let mut event = Event { events: 0, data: 0 };
    assert_eq!(unsafe { epoll_wait(epoll, &mut event, 1, -1) }, 1);
    assert_eq!({ event.data }, 5);
}

fn watch(fd: c_int) -> c_int {
    let epoll = unsafe { epoll_create1(0) };
    let mut event = Event { events: EPOLLIN, data: 5 };
    assert_eq!(unsafe { epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &mut event) }, 0);
    epoll
}

fn main() {
    for round in 1..=60 {
        let (rx, mut tx) = io::pipe().unwrap();
        let epoll = watch(rx.as_raw_fd());
        thread::scope(|s| {
            s.spawn(|| {
                wait(epoll);
                let data = unsafe { DATA };
                assert_eq!(data, round);
            });
            unsafe { DATA = round };
            tx.write_all(&[1]).unwrap();
        });
        assert_eq!(unsafe { close(epoll) }, 0);
    }
}
