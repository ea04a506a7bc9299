//! Readers and writers that lock in all ways: a writer is ordered after all readers, a reader after the
//! last writer.
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
    fn pthread_rwlock_tryrdlock(lock: *const Raw<56>) -> c_int;
    fn pthread_rwlock_wrlock(lock: *const Raw<56>) -> c_int;
    fn pthread_rwlock_trywrlock(lock: *const Raw<56>) -> c_int;
    fn pthread_rwlock_unlock(lock: *const Raw<56>) -> c_int;
}

static LOCK: Raw<56> = Raw::new();
static mut DATA: u64 = 0;
static mut SEEN: [u64; 3] = [0; 3];

fn work(me: usize) {
    for round in 0..1000 {
        unsafe {
            match round % 4 {
                0 => {
                    assert_eq!(pthread_rwlock_wrlock(&LOCK), 0);
                    DATA = (&raw const SEEN).read().iter().sum();
                }
                1 => {
                    assert_eq!(pthread_rwlock_rdlock(&LOCK), 0);
                    SEEN[me] = DATA % 10 + 1;
                }
                2 => {
                    while pthread_rwlock_tryrdlock(&LOCK) != 0 {
                        thread::yield_now();
                    }
                    SEEN[me] += DATA % 10;
                }
                _ => {
                    while pthread_rwlock_trywrlock(&LOCK) != 0 {
                        thread::yield_now();
                    }
                    DATA += (&raw const SEEN).read().iter().sum::<u64>();
                }
            }
            assert_eq!(pthread_rwlock_unlock(&LOCK), 0);
        }
    }
}

fn main() {
    thread::scope(|s| {
        for me in 0..3 {
            s.spawn(move || work(me));
        }
    });
}
