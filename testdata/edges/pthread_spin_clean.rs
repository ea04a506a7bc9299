//! Threads count under a pthread spin lock.
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

fn main() {
    assert_eq!(unsafe { pthread_spin_init(&LOCK, 0) }, 0);
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                for _ in 0..200 {
                    assert_eq!(unsafe { pthread_spin_lock(&LOCK) }, 0);
                    unsafe { COUNT += 1 };
                    assert_eq!(unsafe { pthread_spin_unlock(&LOCK) }, 0);
                }
            });
        }
    });
    assert_eq!(unsafe { COUNT }, 400);
}
