//! One initialisation needs another.
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

extern "C" fn outer() {
    assert_eq!(unsafe { pthread_once(&INNER, inner) }, 0);
    unsafe { OUTER_DATA = INNER_DATA + 1 };
}

fn main() {
    thread::scope(|s| {
        for i in 0..4 {
            s.spawn(move || unsafe {
                if i % 2 == 0 {
                    assert_eq!(pthread_once(&INNER, inner), 0);
                    assert_eq!({ INNER_DATA }, 1);
                }
                assert_eq!(pthread_once(&OUTER, outer), 0);
                assert_eq!({ OUTER_DATA }, 2);
            });
        }
    });
}
