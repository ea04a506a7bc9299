//! A signal handler writes a plain variable that another thread reads.
use std::ffi::c_int;
use std::thread;

unsafe extern "C" {
    fn signal(number: c_int, handler: extern "C" fn(c_int)) -> usize;
    fn raise(number: c_int) -> c_int;
}

const SIGUSR1: c_int = 10;
static mut LAST: c_int = 0;

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

extern "C" fn handler(number: c_int) {
    unsafe { LAST = number }; // race: write
}

fn main() {
    unsafe { signal(SIGUSR1, handler) };
    let target = thread::spawn(|| {
        assert_eq!(unsafe { raise(SIGUSR1) }, 0);
        step::reach(1);
        step::wait(2);
    });
    step::wait(1);
    let last = unsafe { LAST }; // race: read
    assert_eq!(last, SIGUSR1);
    step::reach(2);
    target.join().unwrap();
}
