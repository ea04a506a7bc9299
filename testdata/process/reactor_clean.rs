//! An event loop as async runtimes have it: epoll, an eventfd that wakes it, and work that comes with the wake.
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
    fn read(fd: c_int, buffer: *mut u64, count: usize) -> isize;
    fn write(fd: c_int, buffer: *const u64, count: usize) -> isize;
    fn close(fd: c_int) -> c_int;
}

const EPOLL_CTL_ADD: c_int = 1;
const EPOLLIN: u32 = 1;
const EPOLLET: u32 = 1 << 31;
const TURNS: u64 = 300;

/// One slot for each worker; it is the reactor's after the wake, and the worker's after the answer.
static mut WORK: [u64; 3] = [0; 3];

fn main() {
    let epoll = unsafe { epoll_create1(0) };
    let wakers: [c_int; 3] = std::array::from_fn(|i| {
        let waker = unsafe { eventfd(0, 0) };
        let mut event = Event { events: EPOLLIN | EPOLLET, data: 100 + i as u64 };
        assert_eq!(unsafe { epoll_ctl(epoll, EPOLL_CTL_ADD, waker, &mut event) }, 0);
        waker
    });
    let answers: [c_int; 3] = std::array::from_fn(|_| unsafe { eventfd(0, 0) });
    thread::scope(|s| {
        for i in 0..3 {
            s.spawn(move || {
                for _ in 0..TURNS {
                    unsafe { WORK[i] += 1 };
                    assert_eq!(unsafe { write(wakers[i], &1, 8) }, 8);
                    let mut count = 0;
                    assert_eq!(unsafe { read(answers[i], &mut count, 8) }, 8);
                }
            });
        }
        let mut done = 0;
        while done < 3 * TURNS {
            let mut events = [Event { events: 0, data: 0 }; 8];
            let count = unsafe { epoll_wait(epoll, events.as_mut_ptr(), 8, -1) };
            for event in &events[..count as usize] {
                let i = (event.data - 100) as usize;
                // As runtimes do, the eventfd is not read: the edge came with the event.
                unsafe { WORK[i] += 1 };
                done += 1;
                assert_eq!(unsafe { write(answers[i], &1, 8) }, 8);
            }
        }
    });
    assert_eq!(unsafe { WORK }, [2 * TURNS; 3]);
    wakers.iter().chain(&answers).for_each(|&fd| assert_eq!(unsafe { close(fd) }, 0));
    assert_eq!(unsafe { close(epoll) }, 0);
}
