//! The write comes behind the barrier.
use std::cell::UnsafeCell;
use std::ffi::{c_int, c_uint, c_void};
use std::ptr;
use std::thread;

/// glibc's `pthread_barrier_t`.
#[repr(C, align(8))]
struct Barrier(UnsafeCell<[u8; 32]>);

// SAFETY: a pthread barrier is made for several threads.
unsafe impl Sync for Barrier {}

unsafe extern "C" {
    fn pthread_barrier_init(barrier: *const Barrier, attributes: *const c_void, count: c_uint) -> c_int;
    fn pthread_barrier_wait(barrier: *const Barrier) -> c_int;
    fn pthread_barrier_destroy(barrier: *const Barrier) -> c_int;
}

static GATE: Barrier = Barrier(UnsafeCell::new([0; 32]));
static mut DATA: u64 = 0;

fn meet() {
    // One of the threads gets PTHREAD_BARRIER_SERIAL_THREAD, which is -1.
    assert!(unsafe { pthread_barrier_wait(&GATE) } <= 0);
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
    assert_eq!(unsafe { pthread_barrier_init(&GATE, ptr::null(), 2) }, 0);
    thread::scope(|s| {
        s.spawn(|| {
            meet();
            step::wait(1);
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        meet();
        unsafe { DATA = 1 }; // race: write
        step::reach(1);
    });
    assert_eq!(unsafe { pthread_barrier_destroy(&GATE) }, 0);
}
