//! A function registered with `atexit` reads what a detached thread wrote.
use std::ffi::c_int;
use std::thread;

unsafe extern "C" {
    fn atexit(function: extern "C" fn()) -> c_int;
}

static mut DATA: u64 = 0;

extern "C" fn at_exit() {
    let data = unsafe { DATA }; // race: read
    assert_eq!(data, 1);
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
    assert_eq!(unsafe { atexit(at_exit) }, 0);
    drop(thread::spawn(|| {
        unsafe { DATA = 1 }; // race: write
        step::reach(1);
        loop {
            thread::park();
        }
    }));
    step::wait(1);
}
