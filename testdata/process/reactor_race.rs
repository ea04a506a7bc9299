//! The event loop takes the work of one worker after the wake of another.
use std::ffi::{c_int, c_uint};
use std::thread;

/// The kernel's `struct epoll_event`, packed on x86-64.
#[repr(C, packed)]
#[derive(Clone, Copy)]
struct Event {
    events: u32,
    data: u64,
}

unsafe extern "C" {
    fn eventfd(initial: c_uint, flags: c_int) -> c_int;
    fn epoll_create1(flags: c_int) -> c_int;
    fn epoll_ctl(epoll: c_int, operation: c_int, fd: c_int, event: *mut Event) -> c_int;
    fn epoll_wait(epoll: c_int, events: *mut Event, count: c_int, timeout: c_int) -> c_int;
    fn write(fd: c_int, buffer: *const u64, count: usize) -> isize;
}

const EPOLL_CTL_ADD: c_int = 1;
const EPOLLIN: u32 = 1;

static mut WORK: u64 = 0;

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
    let epoll = unsafe { epoll_create1(0) };
    let [waker, other]: [c_int; 2] = std::array::from_fn(|i| {
        let waker = unsafe { eventfd(i as c_uint, 0) };
        let mut event = Event { events: EPOLLIN, data: i as u64 };
        assert_eq!(unsafe { epoll_ctl(epoll, EPOLL_CTL_ADD, waker, &mut event) }, 0);
        waker
    });
    thread::scope(|s| {
        s.spawn(move || {
            unsafe { WORK = 1 }; // race: write
            step::reach(1);
            step::wait(2);
            assert_eq!(unsafe { write(waker, &1, 8) }, 8);
        });
        step::wait(1);
        let mut event = Event { events: 0, data: 0 };
        assert_eq!(unsafe { epoll_wait(epoll, &mut event, 1, -1) }, 1);
        assert_eq!({ event.data }, 1);
        let work = unsafe { WORK }; // race: read
        assert_eq!(work, 1);
        step::reach(2);
    });
    assert_eq!(unsafe { write(other, &1, 8) }, 8);
}
