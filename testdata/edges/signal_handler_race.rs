//! A signal handler writes a plain variable that another thread reads.
use std::ffi::c_int;
use std::os::unix::thread::JoinHandleExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

unsafe extern "C" {
    fn signal(number: c_int, handler: extern "C" fn(c_int)) -> usize;
    fn pthread_kill(thread: usize, number: c_int) -> c_int;
}

const SIGUSR1: c_int = 10;
static SIGNALS: AtomicU64 = AtomicU64::new(0);
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
    SIGNALS.fetch_add(1, Ordering::Relaxed);
}

fn main() {
    unsafe { signal(SIGUSR1, handler) };
    let target = thread::spawn(|| {
        while SIGNALS.load(Ordering::Relaxed) == 0 {
            thread::yield_now();
        }
        step::reach(1);
        step::wait(2);
    });
    assert_eq!(unsafe { pthread_kill(target.as_pthread_t() as usize, SIGUSR1) }, 0);
    step::wait(1);
    let last = unsafe { LAST }; // race: read
    assert_eq!(last, SIGUSR1);
    step::reach(2);
    target.join().unwrap();
}
