//! Phases between pthread barriers.
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
static mut CELLS: [[u64; 3]; 2] = [[0; 3]; 2];

fn meet() {
    // One of the threads gets PTHREAD_BARRIER_SERIAL_THREAD, which is -1.
    assert!(unsafe { pthread_barrier_wait(&GATE) } <= 0);
}

fn main() {
    assert_eq!(unsafe { pthread_barrier_init(&GATE, ptr::null(), 3) }, 0);
    thread::scope(|s| {
        for me in 0..3 {
            s.spawn(move || {
                for phase in 1..=100 {
                    let neighbour = unsafe { CELLS[(phase + 1) % 2][(me + 1) % 3] };
                    assert_eq!(neighbour, phase as u64 - 1);
                    unsafe { CELLS[phase % 2][me] = phase as u64 };
                    meet();
                }
            });
        }
    });
    assert_eq!(unsafe { pthread_barrier_destroy(&GATE) }, 0);
}
