//! A mutex is destroyed and its memory becomes another mutex: what the first one ordered is not the
//! second one's to hand on.
use std::cell::UnsafeCell;
use std::ffi::{c_int, c_void};
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
    fn pthread_mutex_init(mutex: *const Raw<40>, attributes: *const c_void) -> c_int;
    fn pthread_mutex_destroy(mutex: *const Raw<40>) -> c_int;
    fn pthread_mutex_lock(mutex: *const Raw<40>) -> c_int;
    fn pthread_mutex_unlock(mutex: *const Raw<40>) -> c_int;
}

static LOCK: Raw<40> = Raw::new();
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
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(2);
            let data = unsafe {
                assert_eq!(pthread_mutex_lock(&LOCK), 0);
                assert_eq!(pthread_mutex_unlock(&LOCK), 0);
                DATA // race: read
            };
            assert_eq!(data, 1);
        });
        s.spawn(|| {
            step::wait(1);
            unsafe {
                assert_eq!(pthread_mutex_destroy(&LOCK), 0);
                assert_eq!(pthread_mutex_init(&LOCK, ptr::null()), 0);
            }
            step::reach(2);
        });
        unsafe {
            DATA = 1; // race: write
            assert_eq!(pthread_mutex_lock(&LOCK), 0);
            assert_eq!(pthread_mutex_unlock(&LOCK), 0);
        }
        step::reach(1);
    });
}
