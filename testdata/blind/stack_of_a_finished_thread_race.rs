//! A local variable is read when its thread has left the frame and finished, but was not joined.
//@ thread-state: any
use std::hint::black_box;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread;

static LOCAL: AtomicPtr<u64> = AtomicPtr::new(ptr::null_mut());

/// Deep enough in the stack that nothing later in the thread's life touches the place.
#[inline(never)]
fn leave_a_local() {
    let mut locals = [0u64; 8192];
    black_box(&mut locals);
    locals[100] = 7; // race: write
    LOCAL.store(black_box(&mut locals[100]), Ordering::Relaxed);
}

fn main() {
    let thread = thread::spawn(leave_a_local);
    while !thread.is_finished() {
        thread::yield_now();
    }
    let local = LOCAL.load(Ordering::Relaxed);
    let value = unsafe { local.read() }; // race: read
    assert_eq!(black_box(value), 7);
    thread.join().unwrap();
}
