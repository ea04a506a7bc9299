//! A local variable is read when its thread has left the frame and finished, but was not joined. The C library has
//! given the page back by then, so that the value is lost; the stack itself stays mapped until the join.
//@ race: end of thread
use std::ffi::c_int;
use std::fs;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};
use std::thread;

static LOCAL: AtomicPtr<u64> = AtomicPtr::new(ptr::null_mut());

static THREAD: AtomicI32 = AtomicI32::new(0);

unsafe extern "C" {
    fn gettid() -> c_int;
}

/// Deep enough in the stack that nothing later in the thread's life touches the place.
#[inline(never)]
fn leave_a_local() {
    let mut locals = MaybeUninit::<[u64; 8192]>::uninit();
    let place = black_box(locals.as_mut_ptr().cast::<u64>());
    unsafe { place.write(7) };
    LOCAL.store(place, Ordering::Relaxed);
    THREAD.store(unsafe { gettid() }, Ordering::Relaxed);
    black_box(&mut locals);
}

fn main() {
    let thread = thread::spawn(leave_a_local);
    while THREAD.load(Ordering::Relaxed) == 0 {
        thread::yield_now();
    }
    // The kernel knows that it is gone; to ask orders nothing.
    while fs::exists(format!("/proc/self/task/{}", THREAD.load(Ordering::Relaxed))).unwrap() {
        thread::yield_now();
    }
    let local = LOCAL.load(Ordering::Relaxed);
    let value = unsafe { local.read() }; // race: read
    black_box(value);
    thread.join().unwrap();
}
