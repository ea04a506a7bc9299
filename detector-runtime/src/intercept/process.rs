//! The end of the process, its doubling, and the names of its threads.
//!
//! # The end
//! A process that found races does not end with status 0. `exit` runs our handler as the very last one, since
//! it is the first that is registered; `_exit`, `quick_exit` and `abort` are caught at their call. Threads that
//! still run are left alone: the runtime's state is never torn down.
//!
//! # Fork
//! No other thread is inside the runtime while the memory is copied, and all locks that can be held outside of
//! the gate (threads begin and end there) are held by the forking thread. So the child finds everything whole.
//!
//! `vfork` becomes `fork`: its child would run on the memory of the parent, whose view of threads and
//! descriptors it would spoil. `posix_spawn`, `system` and `popen` do not come here: libc's child calls nothing
//! of the program before it executes another one.

use alloc::string::String;
use core::cell::UnsafeCell;
use core::ffi::{CStr, c_int, c_void};
use core::sync::atomic::{AtomicI32, Ordering};

use super::intercept;
use super::real::real;
use crate::gate::{self, Stopped, enter};
use crate::local::{Local, local};
use crate::lock::SpinGuard;
use crate::memory::heap::HeapCache;
use crate::memory::internal::{ForkHold, InternalAllocator};
use crate::runtime::{RUNTIME, Runtime};
use crate::sys::signal::SignalsBlocked;
use crate::sys::time::{self, Duration};
use crate::sys::{process, stack};
use crate::thread::ThreadState;

unsafe extern "C" {
    fn on_exit(function: extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int;
    fn __cxa_at_quick_exit(function: extern "C" fn(*mut c_void), object: *mut c_void) -> c_int;
    fn fflush(stream: *mut c_void) -> c_int;
    fn __register_atfork(
        prepare: Option<extern "C" fn()>,
        parent: Option<extern "C" fn()>,
        child: Option<extern "C" fn()>,
        object: *mut c_void,
    ) -> c_int;
}

real! {
    fn abort() -> !;
    fn quick_exit(status: c_int) -> !;
    fn fork() -> libc::pid_t;
    #[allow(non_snake_case, reason = "libc's name")]
    fn _Fork() -> libc::pid_t;
    fn prctl(option: c_int, a: usize, b: usize, c: usize, d: usize) -> c_int;
}

/// The status that a process which would end with `status` ends with.
fn final_status(status: c_int) -> c_int {
    match RUNTIME.get() {
        Some(rt) => rt.reporter.final_status(&rt.options, status),
        None => status,
    }
}

/// As [`final_status`] for an end whose status is a signal's.
extern "C" fn say_the_last() {
    final_status(libc::SIGABRT);
}

/// As [`final_status`], after the time that the options give to other threads.
fn status_after_wait(status: c_int) -> c_int {
    let wait = RUNTIME.get().map_or(0, |rt| rt.options.atexit_sleep_ms);
    if wait > 0 {
        time::sleep(Duration::from_millis(wait.into()));
    }
    final_status(status)
}

/// Registers the last of all exit handlers: it is the first that is registered.
pub fn install_exit() {
    // SAFETY: libc is ready, and the functions live as long as the process.
    unsafe {
        on_exit(at_exit, core::ptr::null_mut());
        __cxa_at_quick_exit(at_quick_exit, core::ptr::null_mut());
    }
}

extern "C" fn at_exit(status: c_int, _: *mut c_void) {
    let last = status_after_wait(status);
    if last != status {
        // SAFETY: null means all streams; this is what `exit` would do next.
        unsafe { fflush(core::ptr::null_mut()) };
        process::exit(last);
    }
}

/// What `quick_exit` was called with: its handlers are not told.
static QUICK_STATUS: AtomicI32 = AtomicI32::new(0);

extern "C" fn at_quick_exit(_: *mut c_void) {
    process::exit(status_after_wait(QUICK_STATUS.load(Ordering::Relaxed)));
}

intercept! {
    fn racecheck_intercept_quick_exit(status: c_int) -> ! {
        QUICK_STATUS.store(status, Ordering::Relaxed);
        quick_exit(status)
    }
}

intercept! {
    fn racecheck_intercept__exit(status: c_int) -> ! {
        process::exit(status_after_wait(status))
    }
}

intercept! {
    fn racecheck_intercept__Exit(status: c_int) -> ! {
        process::exit(status_after_wait(status))
    }
}

intercept! {
    fn racecheck_intercept_abort() -> ! {
        // The caller may be on an alternate stack, after its own has overflowed.
        stack::on_fresh_stack(say_the_last);
        abort()
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
            Some(after_fork_in_parent),
            Some(after_fork_in_child),
            core::ptr::null_mut(),
        );
    }
}

/// What the forking thread holds while the memory is copied. The fields are released in this order.
struct Hold {
    allocator: Option<(&'static InternalAllocator, ForkHold)>,
    ownerless: SpinGuard<'static, HeapCache>,
    world: Stopped<'static>,
    /// A handler would wait at the gate for its own thread.
    _signals: SignalsBlocked,
}

/// From `before_fork` to after the fork; only the forking thread uses it.
struct Held(UnsafeCell<Option<Hold>>);
// SAFETY: only one thread can hold the world stopped, and only it looks here.
unsafe impl Sync for Held {}
static HELD: Held = Held(UnsafeCell::new(None));

/// The allocator of the runtime's own objects, where it is in use.
fn allocator() -> Option<&'static InternalAllocator> {
    #[cfg(feature = "packed")]
    return Some(&crate::packed::ALLOCATOR);
    #[cfg(not(feature = "packed"))]
    None
}

/// The running thread's state; null if it has none.
fn own_state() -> *mut ThreadState {
    // SAFETY: the block is the running thread's own.
    let state = unsafe { (*local()).state };
    if state > Local::GONE { state } else { core::ptr::null_mut() }
}

fn set_busy(state: *mut ThreadState, busy: bool) {
    if !state.is_null() {
        // SAFETY: it is the running thread's own state.
        unsafe { (*state).busy.store(busy, Ordering::SeqCst) };
    }
}

extern "C" fn before_fork() {
    // A thread that the runtime has not met yet is met here.
    enter(|_, _| ());
    let Some(rt) = RUNTIME.get() else { return };
    let signals = SignalsBlocked::new();
    let state = own_state();
    set_busy(state, true);
    // SAFETY: it is the running thread's state, and the thread is inside; and then this thread holds the world.
    unsafe {
        let world = gate::stop_the_world(rt, state);
        // Threads that begin or end use these outside of the gate.
        rt.areas.raw_lock().acquire();
        let ownerless = rt.ownerless.lock();
        rt.heap.before_fork();
        let allocator = allocator().map(|a| (a, a.before_fork()));
        *HELD.0.get() = Some(Hold { allocator, ownerless, world, _signals: signals });
    }
}

/// Gives back what `before_fork` took, after `then`.
fn after_fork(release: fn(&InternalAllocator, ForkHold), then: fn(&Runtime, &mut Stopped<'static>)) {
    // SAFETY: this thread (or in the child, the parent's) holds the world, if anybody does.
    let Some(mut hold) = (unsafe { (*HELD.0.get()).take() }) else { return };
    let Some(rt) = RUNTIME.get() else { return };
    if let Some((allocator, shards)) = hold.allocator.take() {
        release(allocator, shards);
    }
    // SAFETY: `before_fork` acquired both, in this thread or its parent.
    unsafe {
        rt.heap.after_fork();
        rt.areas.raw_lock().release();
    }
    drop(hold.ownerless);
    then(rt, &mut hold.world);
    set_busy(own_state(), false);
    drop(hold.world);
}

extern "C" fn after_fork_in_parent() {
    after_fork(InternalAllocator::after_fork_in_parent, |_, _| ());
}

extern "C" fn after_fork_in_child() {
    // SAFETY: a forked child has one thread.
    let release = |allocator: &InternalAllocator, shards| unsafe { allocator.after_fork_in_child(shards) };
    after_fork(release, |rt, world| {
        world.keep_only(own_state());
        rt.engine.keep_only_caller();
        rt.reporter.begin_child();
    });
}

intercept! {
    fn racecheck_intercept_vfork() -> libc::pid_t {
        fork()
    }
}

intercept! {
    /// It runs no handlers, those of the runtime included.
    fn racecheck_intercept__Fork() -> libc::pid_t {
        before_fork();
        let child = _Fork();
        match child {
            0 => after_fork_in_child(),
            _ => after_fork_in_parent(),
        }
        child
    }
}

intercept! {
    /// It takes what the option needs; the registers of all are passed on.
    fn racecheck_intercept_prctl(option: c_int, a: usize, b: usize, c: usize, d: usize) -> c_int {
        let result = prctl(option, a, b, c, d);
        if option == libc::PR_SET_NAME && result == 0 {
            // The kernel has read a string there.
            let name = CStr::from_ptr(core::ptr::with_exposed_provenance(a));
            let name = String::from_utf8_lossy(name.to_bytes()).into_owned();
            enter(|_, thread| *thread.info.name.lock() = Some(name));
        }
        result
    }
}
