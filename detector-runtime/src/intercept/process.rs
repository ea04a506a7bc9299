//! The end of the process, and its doubling.

use core::ffi::{c_int, c_void};

use super::intercept;
use crate::gate::{self, Stopped};
use crate::local::{Local, local};
use crate::runtime::RUNTIME;
use crate::sys::process;

unsafe extern "C" {
    fn on_exit(function: extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int;
    fn fflush(stream: *mut c_void) -> c_int;
    fn __register_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
        object: *mut c_void,
    ) -> c_int;
}

/// The status that a process which would end with `status` ends with.
fn final_status(status: c_int) -> c_int {
    match RUNTIME.get() {
        Some(rt) => rt.reporter.final_status(&rt.options, status),
        None => status,
    }
}

/// Registers the last of all exit handlers: it is the first that is registered.
pub fn install_exit() {
    // SAFETY: libc is ready, and the function lives as long as the process.
    unsafe { on_exit(at_exit, core::ptr::null_mut()) };
}

extern "C" fn at_exit(status: c_int, _: *mut c_void) {
    let last = final_status(status);
    if last != status {
        // SAFETY: null means all streams; this is what `exit` would do next.
        unsafe { fflush(core::ptr::null_mut()) };
        process::exit(last);
    }
}

intercept! {
    fn racecheck_intercept__exit(status: c_int; _pc in "rsi") -> ! {
        process::exit(final_status(status))
    }
}

intercept! {
    fn racecheck_intercept__Exit(status: c_int; _pc in "rsi") -> ! {
        process::exit(final_status(status))
    }
}

/// Sees to it that a fork finds the runtime at rest: no other thread is inside while the memory is copied.
///
/// libc runs prepare handlers in the reverse order of their registration and the others in order, and this
/// one is the first of all: no code of the program runs while the world is stopped.
pub fn install_fork() {
    // SAFETY: libc is ready, and the functions live as long as the process.
    unsafe {
        __register_atfork(
            Some(before_fork),
            Some(after_fork),
            Some(after_fork_in_child),
            core::ptr::null_mut(),
        );
    }
}

/// The stopped world, from `before_fork` to `after_fork`; only the forking thread uses it.
struct Held(core::cell::UnsafeCell<Option<Stopped<'static>>>);
// SAFETY: only one thread can hold the world stopped, and only it looks here.
unsafe impl Sync for Held {}
static HELD: Held = Held(core::cell::UnsafeCell::new(None));

extern "C" fn before_fork() {
    // SAFETY: the block is the running thread's own.
    let state = unsafe { (*local()).state };
    let Some(rt) = RUNTIME.get().filter(|_| state > Local::GONE) else { return };
    // SAFETY: it is the running thread's state; and then this thread holds the world.
    unsafe { *HELD.0.get() = Some(gate::stop_the_world(rt, state)) };
}

extern "C" fn after_fork() {
    // SAFETY: this thread holds the world, if anybody does.
    drop(unsafe { (*HELD.0.get()).take() });
}

extern "C" fn after_fork_in_child() {
    // SAFETY: as above; and the block is the running thread's own.
    unsafe {
        if let Some(mut world) = (*HELD.0.get()).take() {
            world.keep_only((*local()).state);
        }
    }
    if let Some(rt) = RUNTIME.get() {
        if let Some(barrier) = rt.barrier {
            // The registration is inherited; a kernel that thinks otherwise makes `issue` fail, which is seen there.
            let _ = barrier;
        }
        rt.reporter.begin_child();
    }
}
