//! Four threads pass a barrier in two rounds; those of one round are not ordered with those of the other.
use std::cell::UnsafeCell;
use std::ffi::{c_int, c_uint, c_void};
use std::ptr;
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

fn meet() {
    assert!(unsafe { pthread_barrier_wait(&GATE) } <= 0);
}

fn main() {
    assert_eq!(unsafe { pthread_barrier_init(&GATE, ptr::null(), 2) }, 0);
    thread::scope(|s| {
        // Its end would order the start of another thread: std has a lock there.
        s.spawn(|| {
            meet();
            step::wait(2);
        });
        s.spawn(|| {
            step::wait(1);
            meet();
        });
        s.spawn(|| {
            step::wait(1);
            meet();
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
            step::reach(2);
        });
        unsafe { DATA = 1 }; // race: write
        meet();
        step::reach(1);
    });
    assert_eq!(unsafe { pthread_barrier_destroy(&GATE) }, 0);
}
