//! Two threads take turns by a pthread condition variable.
use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::thread;

/// glibc's `pthread_mutex_t` (40 bytes) and `pthread_cond_t` (48 bytes); all zero initialises both.
#[repr(C, align(8))]
struct Raw<const SIZE: usize>(UnsafeCell<[u8; SIZE]>);

// SAFETY: pthread objects are made for several threads.
unsafe impl<const SIZE: usize> Sync for Raw<SIZE> {}

unsafe extern "C" {
    fn pthread_mutex_lock(mutex: *const Raw<40>) -> c_int;
    fn pthread_mutex_unlock(mutex: *const Raw<40>) -> c_int;
    fn pthread_cond_wait(cond: *const Raw<48>, mutex: *const Raw<40>) -> c_int;
    fn pthread_cond_broadcast(cond: *const Raw<48>) -> c_int;
}

static LOCK: Raw<40> = Raw(UnsafeCell::new([0; 40]));
static CHANGED: Raw<48> = Raw(UnsafeCell::new([0; 48]));
static mut TURN: u64 = 0;
static mut DATA: u64 = 0;

fn wait_for(turn: u64) {
    unsafe {
        assert_eq!(pthread_mutex_lock(&LOCK), 0);
        while TURN != turn {
            assert_eq!(pthread_cond_wait(&CHANGED, &LOCK), 0);
        }
        assert_eq!(pthread_mutex_unlock(&LOCK), 0);
    }
}

fn pass_to(turn: u64) {
    unsafe {
        assert_eq!(pthread_mutex_lock(&LOCK), 0);
        TURN = turn;
        assert_eq!(pthread_cond_broadcast(&CHANGED), 0);
        assert_eq!(pthread_mutex_unlock(&LOCK), 0);
    }
}

fn main() {
    let side = |me: u64| {
        for round in 0..150 {
            wait_for(2 * round + me);
            unsafe { DATA += 1 };
            pass_to(2 * round + me + 1);
        }
    };
    thread::scope(|s| {
        s.spawn(move || side(1));
        side(0);
    });
    assert_eq!(unsafe { DATA }, 300);
}
