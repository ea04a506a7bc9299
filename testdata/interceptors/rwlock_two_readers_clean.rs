//! What a reader did is handed on by the writer after it to the next reader.
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
    fn pthread_rwlock_rdlock(lock: *const Raw<56>) -> c_int;
    fn pthread_rwlock_wrlock(lock: *const Raw<56>) -> c_int;
    fn pthread_rwlock_unlock(lock: *const Raw<56>) -> c_int;
}

static LOCK: Raw<56> = Raw::new();
static mut DATA: u64 = 0;
static mut TURN: u64 = 0;

/// Waits for a turn under the lock.
fn wait_for(turn: u64) {
    loop {
        assert_eq!(unsafe { pthread_rwlock_rdlock(&LOCK) }, 0);
        let now = unsafe { TURN };
        assert_eq!(unsafe { pthread_rwlock_unlock(&LOCK) }, 0);
        if now == turn {
            return;
        }
        thread::yield_now();
    }
}

fn pass_to(turn: u64) {
    assert_eq!(unsafe { pthread_rwlock_wrlock(&LOCK) }, 0);
    unsafe { TURN = turn };
    assert_eq!(unsafe { pthread_rwlock_unlock(&LOCK) }, 0);
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            wait_for(1);
            assert_eq!(unsafe { DATA }, 1);
        });
        assert_eq!(unsafe { pthread_rwlock_rdlock(&LOCK) }, 0);
        unsafe { DATA = 1 };
        assert_eq!(unsafe { pthread_rwlock_unlock(&LOCK) }, 0);
        pass_to(1);
    });
}
