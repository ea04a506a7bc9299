//! A try that finds no token orders nothing.
use std::cell::UnsafeCell;
use std::ffi::{c_int, c_uint};
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
    fn sem_init(semaphore: *const Raw<32>, shared: c_int, value: c_uint) -> c_int;
    fn sem_destroy(semaphore: *const Raw<32>) -> c_int;
    fn sem_post(semaphore: *const Raw<32>) -> c_int;
    fn sem_trywait(semaphore: *const Raw<32>) -> c_int;
}

static TOKENS: Raw<32> = Raw::new();
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
    assert_eq!(unsafe { sem_init(&TOKENS, 0, 0) }, 0);
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            assert_eq!(unsafe { sem_trywait(&TOKENS) }, -1);
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        unsafe {
            DATA = 1; // race: write
            assert_eq!(sem_post(&TOKENS), 0);
            assert_eq!(sem_trywait(&TOKENS), 0);
        }
        step::reach(1);
    });
    assert_eq!(unsafe { sem_destroy(&TOKENS) }, 0);
}
