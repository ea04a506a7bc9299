//! A program tells of its own synchronisation, of races that are meant, and of what is not to be looked at.
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::thread;

unsafe extern "C" {
    fn __tsan_acquire(address: *const c_void);
    fn __tsan_release(address: *const c_void);
    fn __tsan_mutex_create(mutex: *const c_void, flags: c_uint);
    fn __tsan_mutex_pre_lock(mutex: *const c_void, flags: c_uint);
    fn __tsan_mutex_post_lock(mutex: *const c_void, flags: c_uint, recursion: c_int);
    fn __tsan_mutex_pre_unlock(mutex: *const c_void, flags: c_uint) -> c_int;
    fn __tsan_mutex_post_unlock(mutex: *const c_void, flags: c_uint);
    fn AnnotateBenignRaceSized(
        file: *const c_char,
        line: c_int,
        address: *const c_void,
        size: usize,
        why: *const c_char,
    );
    fn AnnotateIgnoreWritesBegin(file: *const c_char, line: c_int);
    fn AnnotateIgnoreWritesEnd(file: *const c_char, line: c_int);
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

static mut HANDED_OVER: u64 = 0;
static mut GUARDED: u64 = 0;
static mut BENIGN: u64 = 0;
static mut UNSEEN: u64 = 0;
static mut PUBLISHED: u64 = 0;
static FLAG: AtomicBool = AtomicBool::new(false);

/// A mutex that is all annotation.
static LOCK: u64 = 0;

fn guarded(work: impl FnOnce()) {
    let lock = (&raw const LOCK).cast();
    unsafe {
        __tsan_mutex_pre_lock(lock, 0);
        __tsan_mutex_post_lock(lock, 0, 0);
        work();
        assert_eq!(__tsan_mutex_pre_unlock(lock, 0), 1);
        __tsan_mutex_post_unlock(lock, 0);
    }
}

fn main() {
    let benign = &raw const BENIGN;
    unsafe {
        __tsan_mutex_create((&raw const LOCK).cast(), 0);
        AnnotateBenignRaceSized(c"".as_ptr(), 0, benign.cast(), 8, c"meant".as_ptr());
    }
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            unsafe {
                __tsan_acquire((&raw const HANDED_OVER).cast());
                assert_eq!({ HANDED_OVER }, 1);
                guarded(|| GUARDED += 1);
                assert_eq!({ BENIGN }, 1);
                assert_eq!({ UNSEEN }, 1);
                assert!(FLAG.load(Acquire));
                assert_eq!({ PUBLISHED }, 1);
            }
        });
        unsafe {
            HANDED_OVER = 1;
            __tsan_release((&raw const HANDED_OVER).cast());
            guarded(|| GUARDED += 1);
            BENIGN = 1;
            AnnotateIgnoreWritesBegin(c"".as_ptr(), 0);
            UNSEEN = 1;
            AnnotateIgnoreWritesEnd(c"".as_ptr(), 0);
            PUBLISHED = 1;
            AnnotateIgnoreWritesBegin(c"".as_ptr(), 0);
            // It orders all the same.
            FLAG.store(true, Release);
            AnnotateIgnoreWritesEnd(c"".as_ptr(), 0);
        }
        step::reach(1);
    });
    assert_eq!(unsafe { GUARDED }, 2);
}
