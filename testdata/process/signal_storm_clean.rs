//! Four threads lock and allocate while a timer interrupts them ten thousand times a second.
use std::cell::Cell;
use std::ffi::c_int;
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

unsafe extern "C" {
    fn signal(number: c_int, handler: extern "C" fn(c_int)) -> usize;
    fn setitimer(which: c_int, new: *const Timer, old: *mut Timer) -> c_int;
}

/// The kernel's `struct itimerval`: interval and next, in seconds and microseconds.
#[repr(C)]
struct Timer([i64; 4]);

const ITIMER_REAL: c_int = 0;
const SIGALRM: c_int = 14;
const EVERY_100_US: Timer = Timer([0, 100, 0, 100]);
const NEVER: Timer = Timer([0; 4]);
const ENOUGH: u64 = 300;

static SIGNALS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static MINE: Cell<u64> = const { Cell::new(0) };
}

extern "C" fn handler(_: c_int) {
    MINE.set(MINE.get() + 1);
    // What POSIX forbids a handler natively is fine for the detector's heap.
    drop(std::hint::black_box(Box::new(MINE.get())));
    SIGNALS.fetch_add(1, Ordering::Relaxed);
}

fn main() {
    unsafe { signal(SIGALRM, handler) };
    assert_eq!(unsafe { setitimer(ITIMER_REAL, &EVERY_100_US, ptr::null_mut()) }, 0);
    let (sum, caught) = (Mutex::new(Vec::new()), AtomicU64::new(0));
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                while SIGNALS.load(Ordering::Relaxed) < ENOUGH {
                    let numbers: Vec<u64> = (0..64).collect();
                    let mut all = sum.lock().unwrap();
                    all.push(numbers.iter().sum::<u64>());
                    all.truncate(100);
                }
                caught.fetch_add(MINE.get(), Ordering::Relaxed);
            });
        }
    });
    assert_eq!(unsafe { setitimer(ITIMER_REAL, &NEVER, ptr::null_mut()) }, 0);
    assert!(sum.into_inner().unwrap().iter().all(|&n| n == 2016));
    caught.fetch_add(MINE.get(), Ordering::Relaxed);
    // A signal may come to a thread that has counted its own already.
    assert!((ENOUGH / 2..=SIGNALS.load(Ordering::Relaxed)).contains(&caught.into_inner()));
}
