//! A program with threads forks, and the child races in a thread of its own.
use std::ffi::c_int;
use std::thread;

unsafe extern "C" {
    fn fork() -> c_int;
    fn waitpid(child: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn _exit(status: c_int) -> !;
}

static mut DATA: u64 = 0;

fn wait_for(child: c_int) -> c_int {
    let mut status = -1;
    assert_eq!(unsafe { waitpid(child, &mut status, 0) }, child);
    status
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
    thread::scope(|s| {
        s.spawn(|| step::wait(1));
        let child = unsafe { fork() };
        if child == 0 {
            let other = thread::spawn(|| {
                step::wait(1);
                unsafe { DATA = 2 }; // race: write
            });
            unsafe { DATA = 1 }; // race: write
            step::reach(1);
            other.join().unwrap();
            unsafe { _exit(if DATA == 2 { 0 } else { 1 }) };
        }
        assert_eq!(wait_for(child), 0);
        step::reach(1);
    });
}
