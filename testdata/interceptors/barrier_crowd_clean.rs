//! More threads than a barrier lets through at once: each round has one that is told to be the last.
use std::cell::UnsafeCell;
use std::ffi::{c_int, c_uint, c_void};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A pthread object, all of it zero: what its static initialiser gives.
#[repr(C, align(8))]
struct Raw<const SIZE: usize>(UnsafeCell<[u8; SIZE]>);

// SAFETY: pthread objects are made for several threads.
unsafe impl<const SIZE: usize> Sync for Raw<SIZE> {}

impl<const SIZE: usize> Raw<SIZE> {
    const fn new() -> Self {
        Raw(UnsafeCell::new([0; SIZE]))
    }
}

unsafe extern "C" {
    fn pthread_barrier_init(barrier: *const Raw<32>, attributes: *const c_void, count: c_uint) -> c_int;
    fn pthread_barrier_wait(barrier: *const Raw<32>) -> c_int;
    fn pthread_barrier_destroy(barrier: *const Raw<32>) -> c_int;
}

static GATE: Raw<32> = Raw::new();
const ARRIVALS: usize = 2000;

static COME: AtomicUsize = AtomicUsize::new(0);

/// How many rounds this thread was the last of.
fn come_and_go() -> usize {
    let mut last = 0;
    // All arrivals together are even in number, so that nobody is left waiting.
    while COME.fetch_add(1, Ordering::Relaxed) < ARRIVALS {
        last += usize::from(unsafe { pthread_barrier_wait(&GATE) } != 0);
    }
    last
}

fn main() {
    assert_eq!(unsafe { pthread_barrier_init(&GATE, ptr::null(), 2) }, 0);
    let rounds: usize = thread::scope(|s| {
        let threads: Vec<_> = (0..5).map(|_| s.spawn(come_and_go)).collect();
        threads.into_iter().map(|t| t.join().unwrap()).sum()
    });
    assert_eq!(rounds, ARRIVALS / 2);
    assert_eq!(unsafe { pthread_barrier_destroy(&GATE) }, 0);
}
