//! A named semaphore that both threads open.
use std::ffi::{CString, c_char, c_int, c_uint, c_void};
use std::thread;

unsafe extern "C" {
    fn sem_open(name: *const c_char, flags: c_int, ...) -> *mut c_void;
    fn sem_unlink(name: *const c_char) -> c_int;
    fn sem_close(semaphore: *mut c_void) -> c_int;
    fn sem_post(semaphore: *mut c_void) -> c_int;
    fn sem_wait(semaphore: *mut c_void) -> c_int;
}

const O_CREAT: c_int = 0o100;
const O_EXCL: c_int = 0o200;

static mut DATA: u64 = 0;

fn open(name: &CString, flags: c_int) -> *mut c_void {
    let semaphore = unsafe { sem_open(name.as_ptr(), flags, 0o600 as c_uint, 0 as c_uint) };
    assert!(!semaphore.is_null());
    semaphore
}

fn main() {
    let name = CString::new(format!("/racecheck-clean-{}", std::process::id())).unwrap();
    let first = open(&name, O_CREAT | O_EXCL);
    thread::scope(|s| {
        s.spawn(|| unsafe {
            let second = open(&name, 0);
            assert_eq!(sem_wait(second), 0);
            assert_eq!({ DATA }, 1);
            assert_eq!(sem_close(second), 0);
        });
        unsafe { DATA = 1 };
        assert_eq!(unsafe { sem_post(first) }, 0);
    });
    assert_eq!(unsafe { sem_close(first) }, 0);
    assert_eq!(unsafe { sem_unlink(name.as_ptr()) }, 0);
}
