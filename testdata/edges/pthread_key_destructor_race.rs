//! The destructor of a pthread key writes when its thread ends, and nobody joins the thread.
use std::ffi::{c_int, c_uint, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

unsafe extern "C" {
    fn pthread_key_create(key: *mut c_uint, destructor: extern "C" fn(*mut c_void)) -> c_int;
    fn pthread_setspecific(key: c_uint, value: *const c_void) -> c_int;
}

static KEY: AtomicU32 = AtomicU32::new(0);
static mut DATA: [u64; 4] = [0; 4];

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

extern "C" fn destroy(slot: *mut c_void) {
    unsafe { *slot.cast::<u64>() = 1 }; // race: write
    step::reach(1);
    step::wait(2);
}

fn use_key(i: usize) {
    let slot = unsafe { (&raw mut DATA).cast::<u64>().add(i) };
    assert_eq!(unsafe { pthread_setspecific(KEY.load(Ordering::Relaxed), slot.cast()) }, 0);
    assert_ne!(slot, ptr::null_mut());
}

fn main() {
    let mut key = 0;
    assert_eq!(unsafe { pthread_key_create(&mut key, destroy) }, 0);
    KEY.store(key, Ordering::Relaxed);
    drop(thread::spawn(|| use_key(2)));
    step::wait(1);
    let data = unsafe { DATA[2] }; // race: read
    assert_eq!(data, 1);
    step::reach(2);
}
