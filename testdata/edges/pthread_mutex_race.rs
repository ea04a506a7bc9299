//! The second thread skips the pthread mutex.
use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::thread;

/// glibc's `pthread_mutex_t`; all zero is `PTHREAD_MUTEX_INITIALIZER`.
#[repr(C, align(8))]
struct Mutex(UnsafeCell<[u8; 40]>);

// SAFETY: a pthread mutex is made for several threads.
unsafe impl Sync for Mutex {}

unsafe extern "C" {
    fn pthread_mutex_lock(mutex: *const Mutex) -> c_int;
    fn pthread_mutex_unlock(mutex: *const Mutex) -> c_int;
}

static LOCK: Mutex = Mutex(UnsafeCell::new([0; 40]));
static mut COUNT: u64 = 0;

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
            step::wait(1);
            let count = unsafe { COUNT }; // race: read
            assert_eq!(count, 1);
        });
        assert_eq!(unsafe { pthread_mutex_lock(&LOCK) }, 0);
        unsafe { COUNT = 1 }; // race: write
        assert_eq!(unsafe { pthread_mutex_unlock(&LOCK) }, 0);
        step::reach(1);
    });
}
