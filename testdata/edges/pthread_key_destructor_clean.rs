//! The destructors of a pthread key write when their threads end, and the threads are joined.
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

extern "C" fn destroy(slot: *mut c_void) {
    unsafe { *slot.cast::<u64>() += 1 };
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
    for round in 1..=40 {
        let threads = [0, 1, 2, 3].map(|i| thread::spawn(move || use_key(i)));
        threads.into_iter().for_each(|t| t.join().unwrap());
        let data = unsafe { DATA };
        assert_eq!(data, [round; 4]);
    }
}
