//! Who reads a signal from a descriptor, or hears from `poll` that there is one, comes after its sender.
use std::ffi::{c_int, c_short};
use std::{ptr, thread};

/// The kernel's `struct pollfd`.
#[repr(C)]
struct Poll {
    fd: c_int,
    events: c_short,
    seen: c_short,
}

unsafe extern "C" {
    fn signalfd(fd: c_int, set: *const [u64; 16], flags: c_int) -> c_int;
    fn pthread_sigmask(how: c_int, set: *const [u64; 16], old: *mut [u64; 16]) -> c_int;
    fn kill(process: c_int, number: c_int) -> c_int;
    fn getpid() -> c_int;
    fn read(fd: c_int, buffer: *mut [u32; 32], count: usize) -> isize;
    fn poll(fds: *mut Poll, count: u64, timeout: c_int) -> c_int;
}

const SIG_BLOCK: c_int = 0;
const SIGUSR1: c_int = 10;
const SIGUSR2: c_int = 12;
const POLLIN: c_short = 1;
const ROUNDS: u64 = 20;

static mut DATA: u64 = 0;

/// Receives one signal, which has to be this.
fn receive(signals: c_int, number: c_int) {
    let mut information = [0; 32];
    assert_eq!(unsafe { read(signals, &mut information, 128) }, 128);
    assert_eq!(information[0], number as u32);
}

fn descriptor(number: c_int) -> c_int {
    let mut set = [0; 16];
    set[0] = 1 << (number - 1);
    assert_eq!(unsafe { pthread_sigmask(SIG_BLOCK, &set, ptr::null_mut()) }, 0);
    unsafe { signalfd(-1, &set, 0) }
}

fn main() {
    let [ping, pong] = [SIGUSR1, SIGUSR2].map(descriptor);
    thread::scope(|s| {
        s.spawn(|| {
            for _ in 0..ROUNDS {
                receive(ping, SIGUSR1);
                unsafe { DATA += 1 };
                assert_eq!(unsafe { kill(getpid(), SIGUSR2) }, 0);
            }
        });
        for _ in 0..ROUNDS {
            unsafe { DATA += 1 };
            assert_eq!(unsafe { kill(getpid(), SIGUSR1) }, 0);
            let mut wait = Poll { fd: pong, events: POLLIN, seen: 0 };
            assert_eq!(unsafe { poll(&mut wait, 1, -1) }, 1);
            unsafe { DATA += 1 };
            receive(pong, SIGUSR2);
        }
    });
    assert_eq!(unsafe { DATA }, 3 * ROUNDS);
}
