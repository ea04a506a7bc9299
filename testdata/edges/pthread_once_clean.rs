//! All threads go through `pthread_once`.
use std::ffi::c_int;
use std::sync::atomic::AtomicI32;
use std::thread;

unsafe extern "C" {
    fn pthread_once(control: *const AtomicI32, init: extern "C" fn()) -> c_int;
}

static ONCE: AtomicI32 = AtomicI32::new(0);
static mut VALUE: u64 = 0;

extern "C" fn init() {
    unsafe { VALUE += 5 };
}

fn main() {
    thread::scope(|s| {
        for _ in 0..8 {
            s.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(unsafe { pthread_once(&ONCE, init) }, 0);
                    let value = unsafe { VALUE };
                    assert_eq!(value, 5);
                }
            });
        }
    });
}
