//! Readers and writers under a pthread rwlock.
use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::thread;

/// glibc's `pthread_rwlock_t`; all zero is `PTHREAD_RWLOCK_INITIALIZER`.
#[repr(C, align(8))]
struct RwLock(UnsafeCell<[u8; 56]>);

// SAFETY: a pthread rwlock is made for several threads.
unsafe impl Sync for RwLock {}

unsafe extern "C" {
    fn pthread_rwlock_rdlock(lock: *const RwLock) -> c_int;
    fn pthread_rwlock_wrlock(lock: *const RwLock) -> c_int;
    fn pthread_rwlock_unlock(lock: *const RwLock) -> c_int;
}

static LOCK: RwLock = RwLock(UnsafeCell::new([0; 56]));
static mut COUNT: u64 = 0;

fn unlock() {
    assert_eq!(unsafe { pthread_rwlock_unlock(&LOCK) }, 0);
}

fn read() {
    assert_eq!(unsafe { pthread_rwlock_rdlock(&LOCK) }, 0);
}

fn write() {
    assert_eq!(unsafe { pthread_rwlock_wrlock(&LOCK) }, 0);
}

fn main() {
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                for _ in 0..200 {
                    write();
                    unsafe { COUNT += 1 };
                    unlock();
                }
            });
            s.spawn(|| {
                let mut last = 0;
                for _ in 0..200 {
                    read();
                    let count = unsafe { COUNT };
                    unlock();
                    assert!(count >= last);
                    last = count;
                }
            });
        }
    });
    assert_eq!(unsafe { COUNT }, 400);
}
