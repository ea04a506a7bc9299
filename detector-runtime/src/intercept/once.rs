//! What runs once: `pthread_once`, C11's `call_once`, and the guards of C++'s function-local statics.
//!
//! The thread that runs the initialisation releases when it is done and before libc lets anybody else pass;
//! all who pass acquire. libc calls the function without arguments, so the call that is under way is kept
//! for each thread.
//!
//! The guards are the runtime's own, by the Itanium C++ ABI (3.3.3): the first byte of a guard is not 0 once the
//! variable is initialised, and compiled code looks at it before it calls. That look and the end of the
//! initialisation are therefore an atomic load and an atomic store of that byte.

use alloc::collections::BTreeMap;
use core::ffi::c_int;
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use racecheck_engine::{LoadOrder, StoreOrder};

use super::real::real;
use super::{intercept, mutex};
use crate::gate::enter;
use crate::local::local;
use crate::lock::SpinLock;
use crate::sys::futex;

type Function = extern "C" fn();

real! {
    fn pthread_once(control: *mut c_int, function: Function) -> c_int;
}

/// In glibc's control word: the initialisation has been run.
const DONE: u32 = 2;

/// A call that is under way.
#[derive(Clone, Copy)]
struct Call {
    control: usize,
    function: Function,
}

/// The innermost call of each thread, by the address of the thread's block.
static CALLS: SpinLock<BTreeMap<usize, Call>> = SpinLock::new(BTreeMap::new());

/// # Safety
/// As `pthread_once`.
pub(super) unsafe fn once(control: *mut c_int, function: Function) -> c_int {
    // SAFETY: the control word is libc's, which accesses it atomically.
    let state = unsafe { AtomicU32::from_ptr(control.cast()) }.load(Ordering::Acquire);
    let result = if state & DONE == 0 {
        // SAFETY: the caller's promise.
        unsafe { first(control, function) }
    } else {
        0
    };
    mutex::acquire(control);
    result
}

#[cold]
unsafe fn first(control: *mut c_int, function: Function) -> c_int {
    let me = local() as usize;
    let call = Call { control: control as usize, function };
    let Some(outer) = enter(|_, _| CALLS.lock().insert(me, call)) else {
        // SAFETY: the caller's promise.
        return unsafe { pthread_once(control, function) };
    };
    // An exception that passes here leaves the entry behind; the thread's next call writes over it.
    // SAFETY: the caller's promise.
    let result = unsafe { pthread_once(control, run) };
    enter(|_, _| match outer {
        Some(outer) => CALLS.lock().insert(me, outer),
        None => CALLS.lock().remove(&me),
    });
    result
}

/// What libc runs in place of the program's function.
extern "C" fn run() {
    let me = local() as usize;
    let Some(Some(call)) = enter(|_, _| CALLS.lock().get(&me).copied()) else { return };
    (call.function)();
    mutex::release(call.control as *mut c_int);
}

intercept! {
    fn racecheck_intercept_pthread_once(control: *mut c_int, function: Function) -> c_int {
        once(control, function)
    }
}

/// A guard, as far as all who use it agree: 8 bytes, of which the first tells the end of the initialisation.
type Guard = u64;

/// States of a guard's first word.
const INITIALISED: u32 = 1;
const RUNNING: u32 = 1 << 8;
/// Somebody waits for the end of `RUNNING`.
const AWAITED: u32 = 1 << 16;

/// # Safety
/// `guard` is the guard of a variable.
unsafe fn parts<'a>(guard: *mut Guard) -> (&'a AtomicU8, &'a AtomicU32) {
    // SAFETY: guards are static variables, aligned to 8, and accessed atomically only.
    unsafe { (AtomicU8::from_ptr(guard.cast()), AtomicU32::from_ptr(guard.cast())) }
}

intercept! {
    /// 1: the caller initialises the variable. 0: it is initialised.
    fn racecheck_intercept___cxa_guard_acquire(guard: *mut Guard; pc in "rsi") -> c_int {
        let (first, word) = parts(guard);
        let look = || first.load(Ordering::Acquire);
        loop {
            let done = enter(|rt, thread| {
                let (engine, here) = thread.at(pc);
                rt.engine.load(engine, guard as u64, 1, LoadOrder::Acquire, here, look)
            });
            if done.unwrap_or_else(look) != 0 {
                return 0;
            }
            match word.compare_exchange(0, RUNNING, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return 1,
                Err(seen) if seen & RUNNING != 0 => wait(word, seen),
                Err(_) => {}
            }
        }
    }
}

fn wait(word: &AtomicU32, seen: u32) {
    let awaited = seen | AWAITED;
    if seen == awaited || word.compare_exchange(seen, awaited, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        futex::wait(word, awaited);
    }
}

/// Ends `RUNNING`.
fn leave(word: &AtomicU32, state: u32) {
    if word.swap(state, Ordering::AcqRel) & AWAITED != 0 {
        futex::wake(word, u32::MAX);
    }
}

intercept! {
    fn racecheck_intercept___cxa_guard_release(guard: *mut Guard; pc in "rsi") {
        let (_, word) = parts(guard);
        let end = || leave(word, INITIALISED);
        enter(|rt, thread| {
            let (engine, here) = thread.at(pc);
            rt.engine.store(engine, guard as u64, 1, StoreOrder::Release, here, end);
        })
        .unwrap_or_else(end);
    }
}

intercept! {
    /// The initialisation ended with an exception: whoever comes next runs it again.
    fn racecheck_intercept___cxa_guard_abort(guard: *mut Guard) {
        let (_, word) = parts(guard);
        leave(word, 0);
    }
}
