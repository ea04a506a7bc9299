//! `vfork` and `exec` from several threads, and a child that fails to execute.
use std::ffi::{c_char, c_int};
use std::ptr;
use std::sync::Mutex;
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

fn main() {
    let count = Mutex::new(0);
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                for _ in 0..10 {
                    assert_eq!(run(c"/bin/true".as_ptr()), 0);
                    assert_eq!(run(c"/nonexistent".as_ptr()), 9 << 8);
                    *count.lock().unwrap() += 1;
                }
            });
        }
    });
    assert_eq!(count.into_inner().unwrap(), 30);
}
