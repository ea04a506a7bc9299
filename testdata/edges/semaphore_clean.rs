//! A semaphore that hands an item over, and one that hands the empty place back.
use std::cell::UnsafeCell;
use std::ffi::{c_int, c_uint};
use std::thread;

/// glibc's `sem_t`.
#[repr(C, align(8))]
struct Semaphore(UnsafeCell<[u8; 32]>);

// SAFETY: a semaphore is made for several threads.
unsafe impl Sync for Semaphore {}

unsafe extern "C" {
    fn sem_init(semaphore: *const Semaphore, shared: c_int, value: c_uint) -> c_int;
    fn sem_post(semaphore: *const Semaphore) -> c_int;
    fn sem_wait(semaphore: *const Semaphore) -> c_int;
}

static FULL: Semaphore = Semaphore(UnsafeCell::new([0; 32]));
static FREE: Semaphore = Semaphore(UnsafeCell::new([0; 32]));
static mut ITEM: u64 = 0;

fn main() {
    assert_eq!(unsafe { sem_init(&FULL, 0, 0) }, 0);
    assert_eq!(unsafe { sem_init(&FREE, 0, 1) }, 0);
    thread::scope(|s| {
        s.spawn(|| {
            for i in 1..=200 {
                assert_eq!(unsafe { sem_wait(&FULL) }, 0);
                let item = unsafe { ITEM };
                assert_eq!(item, i);
                assert_eq!(unsafe { sem_post(&FREE) }, 0);
            }
        });
        for i in 1..=200 {
            assert_eq!(unsafe { sem_wait(&FREE) }, 0);
            unsafe { ITEM = i };
            assert_eq!(unsafe { sem_post(&FULL) }, 0);
        }
    });
}
