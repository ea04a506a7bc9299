//! A process is started by `vfork` and `exec` between two writes that race; the child has nothing to report.
use std::ffi::{c_char, c_int};
use std::ptr;
use std::thread;

unsafe extern "C" {
    fn vfork() -> c_int;
    fn waitpid(child: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn execv(path: *const c_char, arguments: *const *const c_char) -> c_int;
    fn close(fd: c_int) -> c_int;
    fn _exit(status: c_int) -> !;
}

fn run(path: *const c_char) -> c_int {
    let arguments = [path, ptr::null()];
    let child = unsafe { vfork() };
    if child == 0 {
        unsafe {
            close(0);
            execv(path, arguments.as_ptr());
            _exit(9);
        }
    }
    let mut status = -1;
    assert_eq!(unsafe { waitpid(child, &mut status, 0) }, child);
    status
}

static mut DATA: u64 = 0;

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
        s.spawn(|| {
            step::wait(1);
            assert_eq!(run(c"/bin/true".as_ptr()), 0);
            unsafe { DATA = 2 }; // race: write
        });
        unsafe { DATA = 1 }; // race: write
        step::reach(1);
    });
    assert_eq!(unsafe { DATA }, 2);
}
