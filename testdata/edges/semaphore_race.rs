//! The post comes before the write.
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
static mut ITEM: u64 = 0;

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
    assert_eq!(unsafe { sem_init(&FULL, 0, 0) }, 0);
    thread::scope(|s| {
        s.spawn(|| {
            assert_eq!(unsafe { sem_wait(&FULL) }, 0);
            step::wait(1);
            let item = unsafe { ITEM }; // race: read
            assert_eq!(item, 1);
        });
        assert_eq!(unsafe { sem_post(&FULL) }, 0);
        unsafe { ITEM = 1 }; // race: write
        step::reach(1);
    });
}
