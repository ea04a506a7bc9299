//! Only the inner initialisation was waited for.
use std::cell::UnsafeCell;
use std::ffi::c_int;
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
    fn pthread_once(control: *const Raw<4>, function: extern "C" fn()) -> c_int;
}

static OUTER: Raw<4> = Raw::new();
static INNER: Raw<4> = Raw::new();
static mut OUTER_DATA: u64 = 0;
static mut INNER_DATA: u64 = 0;

extern "C" fn inner() {
    unsafe { INNER_DATA = 1 };
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

extern "C" fn outer() {
    assert_eq!(unsafe { pthread_once(&INNER, inner) }, 0);
    unsafe { OUTER_DATA = INNER_DATA + 1 }; // race: write
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            assert_eq!(unsafe { pthread_once(&INNER, inner) }, 0);
            let data = unsafe { OUTER_DATA }; // race: read
            assert_eq!(data, 2);
        });
        assert_eq!(unsafe { pthread_once(&OUTER, outer) }, 0);
        step::reach(1);
    });
}
