//! Two named semaphores, one after the other; the second gives no order that only the first had.
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
    let name = CString::new(format!("/racecheck-race-{}", std::process::id())).unwrap();
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            let data = unsafe {
                let second = open(&name, O_CREAT | O_EXCL);
                assert_eq!(sem_post(second), 0);
                assert_eq!(sem_wait(second), 0);
                assert_eq!(sem_close(second), 0);
                assert_eq!(sem_unlink(name.as_ptr()), 0);
                DATA // race: read
            };
            assert_eq!(data, 1);
        });
        unsafe {
            let first = open(&name, O_CREAT | O_EXCL);
            DATA = 1; // race: write
            assert_eq!(sem_post(first), 0);
            assert_eq!(sem_close(first), 0);
            assert_eq!(sem_unlink(name.as_ptr()), 0);
        }
        step::reach(1);
    });
}
