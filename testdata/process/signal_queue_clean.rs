//! Twenty thousand real-time signals come while their thread allocates: none is lost, and their order is kept.
use std::ffi::{c_int, c_void};
use std::process;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

unsafe extern "C" {
    fn sigaction(signal: c_int, new: *const Action, old: *mut Action) -> c_int;
    fn pthread_sigmask(how: c_int, set: *const [u64; 16], old: *mut [u64; 16]) -> c_int;
    fn sigqueue(process: c_int, signal: c_int, value: u64) -> c_int;
}

type Handler = extern "C" fn(c_int, *const Info, *mut c_void);

/// glibc's `struct sigaction`.
#[repr(C)]
struct Action {
    handler: Handler,
    mask: [u64; 16],
    flags: c_int,
    restorer: usize,
}

/// The kernel's `siginfo_t`, for signals from `sigqueue`.
#[repr(C)]
struct Info {
    number: c_int,
    errno: c_int,
    code: c_int,
    padding: c_int,
    process: c_int,
    user: c_int,
    value: u64,
}

const SA_SIGINFO: c_int = 4;
const SIG_BLOCK: c_int = 0;
const SI_QUEUE: c_int = -1;
const REAL_TIME: c_int = 40;
const COUNT: u64 = 20_000;

static NEXT: AtomicU64 = AtomicU64::new(0);
static WRONG: AtomicBool = AtomicBool::new(false);

extern "C" fn handler(number: c_int, info: *const Info, _: *mut c_void) {
    let info = unsafe { &*info };
    let next = NEXT.load(Ordering::Relaxed);
    if number != REAL_TIME || info.code != SI_QUEUE || info.value != next {
        WRONG.store(true, Ordering::Relaxed);
    }
    NEXT.store(next + 1, Ordering::Relaxed);
}

fn main() {
    let action = Action { handler, mask: [0; 16], flags: SA_SIGINFO, restorer: 0 };
    assert_eq!(unsafe { sigaction(REAL_TIME, &action, ptr::null_mut()) }, 0);
    thread::scope(|s| {
        s.spawn(|| {
            while NEXT.load(Ordering::Relaxed) < COUNT {
                drop(std::hint::black_box(vec![0u8; 100]));
            }
        });
        let mut set = [0; 16];
        set[0] = 1 << (REAL_TIME - 1);
        assert_eq!(unsafe { pthread_sigmask(SIG_BLOCK, &set, ptr::null_mut()) }, 0);
        for value in 0..COUNT {
            // The kernel's queue may be full.
            while unsafe { sigqueue(process::id() as c_int, REAL_TIME, value) } != 0 {
                thread::yield_now();
            }
        }
    });
    assert_eq!(NEXT.load(Ordering::Relaxed), COUNT);
    assert!(!WRONG.load(Ordering::Relaxed));
}
