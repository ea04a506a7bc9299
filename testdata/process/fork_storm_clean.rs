//! A program with busy threads forks again and again; children start threads, allocate, and fork once more.
use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

unsafe extern "C" {
    fn fork() -> c_int;
    fn waitpid(child: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn _exit(status: c_int) -> !;
    fn pthread_create(
        thread: *mut usize,
        attributes: *const c_void,
        function: extern "C" fn(*mut c_void) -> *mut c_void,
        argument: *mut c_void,
    ) -> c_int;
    fn pthread_join(thread: usize, value: *mut *mut c_void) -> c_int;
}

/// Threads made without std's bookkeeping, which has a lock of its own that a forked child may find held.
extern "C" fn work(argument: *mut c_void) -> *mut c_void {
    drop(std::hint::black_box(vec![1u8; 1000]));
    argument
}

fn start_and_join() -> bool {
    let mut thread = 0;
    unsafe {
        pthread_create(&mut thread, ptr::null(), work, ptr::null_mut()) == 0
            && pthread_join(thread, ptr::null_mut()) == 0
    }
}

fn status_of(child: c_int) -> c_int {
    let mut status = -1;
    assert_eq!(unsafe { waitpid(child, &mut status, 0) }, child);
    status
}

fn main() {
    let (stop, list) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let mut list = list.lock().unwrap();
                    list.push(vec![1u8; 100]);
                    list.truncate(50);
                }
            });
        }
        s.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                assert!(start_and_join());
            }
        });
        for turn in 0..60 {
            let child = unsafe { fork() };
            if child == 0 {
                let mut good = start_and_join();
                if turn % 5 == 0 {
                    let grandchild = unsafe { fork() };
                    if grandchild == 0 {
                        unsafe { _exit(if start_and_join() { 3 } else { 4 }) };
                    }
                    good &= status_of(grandchild) == 3 << 8;
                }
                unsafe { _exit(if good { 0 } else { 1 }) };
            }
            assert_eq!(status_of(child), 0);
        }
        stop.store(true, Ordering::Relaxed);
    });
}
