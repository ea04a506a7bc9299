//! Two holders of the read lock, one of which writes: a read unlock and a read lock have no edge between them.
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
            read();
            let count = unsafe { COUNT }; // race: read
            unlock();
            assert_eq!(count, 1);
        });
        read();
        unsafe { COUNT = 1 }; // race: write
        unlock();
        step::reach(1);
    });
}
