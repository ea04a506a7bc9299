//! A thread is woken by epoll from a byte that was written before the data.
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
    let epoll = watch(rx.as_raw_fd());
    thread::scope(|s| {
        s.spawn(|| {
            wait(epoll);
            step::wait(1);
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        tx.write_all(&[1]).unwrap();
        unsafe { DATA = 1 }; // race: write
        step::reach(1);
    });
    assert_eq!(unsafe { close(epoll) }, 0);
}
