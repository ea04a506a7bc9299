//! The second thread skips the pthread spin lock.
use std::ffi::c_int;
use std::sync::atomic::AtomicI32;
use std::thread;

unsafe extern "C" {
    fn pthread_spin_init(lock: *const AtomicI32, shared: c_int) -> c_int;
    fn pthread_spin_lock(lock: *const AtomicI32) -> c_int;
    fn pthread_spin_unlock(lock: *const AtomicI32) -> c_int;
}

static LOCK: AtomicI32 = AtomicI32::new(0);
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
    assert_eq!(unsafe { pthread_spin_init(&LOCK, 0) }, 0);
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            unsafe { COUNT = 2 }; // race: write
        });
        assert_eq!(unsafe { pthread_spin_lock(&LOCK) }, 0);
        unsafe { COUNT = 1 }; // race: write
        assert_eq!(unsafe { pthread_spin_unlock(&LOCK) }, 0);
        step::reach(1);
    });
    assert_eq!(unsafe { COUNT }, 2);
}
