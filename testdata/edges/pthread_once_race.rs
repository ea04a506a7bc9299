//! A relaxed flag tells that `pthread_once` has run its function; who looks only there is not ordered after it.
use std::ffi::c_int;
use std::sync::atomic::AtomicI32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

unsafe extern "C" {
    fn pthread_once(control: *const AtomicI32, init: extern "C" fn()) -> c_int;
}

static ONCE: AtomicI32 = AtomicI32::new(0);
static mut VALUE: u64 = 0;

extern "C" fn init() {
    unsafe { VALUE = 5 }; // race: write
}

static RAN: AtomicBool = AtomicBool::new(false);

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            while !RAN.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            let value = unsafe { VALUE }; // race: read
            assert_eq!(value, 5);
        });
        assert_eq!(unsafe { pthread_once(&ONCE, init) }, 0);
        RAN.store(true, Ordering::Relaxed);
    });
}
