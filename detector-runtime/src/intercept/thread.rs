//! Threads: creation, end, join, detach, names.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU32, Ordering};

use racecheck_engine::ThreadId;

use super::{intercept, mutex, real};
use crate::gate::enter;
use crate::local::{Local, local};
use crate::lock::SpinLock;
use crate::runtime::{Runtime, runtime};
use crate::startup;
use crate::sys::signal::{MaskChange, SignalSet, SignalsBlocked, change_mask};
use crate::thread::{ThreadInfo, ThreadState};

unsafe extern "C" {
    fn pthread_key_create(key: *mut u32, destructor: extern "C" fn(*mut c_void)) -> c_int;
    fn pthread_setspecific(key: u32, value: *const c_void) -> c_int;
    fn pthread_self() -> libc::pthread_t;
    fn pthread_getattr_np(thread: libc::pthread_t, attributes: *mut libc::pthread_attr_t) -> c_int;
    fn pthread_attr_getstack(
        attributes: *const libc::pthread_attr_t,
        start: *mut *mut c_void,
        size: *mut usize,
    ) -> c_int;
    fn pthread_attr_getstacksize(attributes: *const libc::pthread_attr_t, size: *mut usize) -> c_int;
    fn pthread_attr_getdetachstate(attributes: *const libc::pthread_attr_t, state: *mut c_int) -> c_int;
    fn pthread_attr_destroy(attributes: *mut libc::pthread_attr_t) -> c_int;
}

/// Which thread a handle of libc stands for, while it can be joined.
static HANDLES: SpinLock<BTreeMap<libc::pthread_t, ThreadId>> = SpinLock::new(BTreeMap::new());

/// What a new thread is given.
struct Start {
    engine: Box<racecheck_engine::Thread>,
    info: &'static ThreadInfo,
    function: Function,
    argument: *mut c_void,
    stack_size: usize,
    /// The signals that it blocks once it has begun.
    mask: SignalSet,
}

pub(super) type Function = extern "C" fn(*mut c_void) -> *mut c_void;

intercept! {
    fn racecheck_intercept_pthread_create(
        handle: *mut libc::pthread_t, attributes: *const libc::pthread_attr_t, function: Function, argument: *mut c_void;
        pc in "r8"
    ) -> c_int {
        create(handle, attributes, function, argument, pc)
    }
}

/// Creates a thread that the runtime knows from its begin.
///
/// # Safety
/// As `pthread_create`.
pub(super) unsafe fn create(
    handle: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    function: Function,
    argument: *mut c_void,
    pc: u64,
) -> c_int {
    // SAFETY: the attributes are null or initialised.
    let (detached, stack_size) = unsafe { (is_detached(attributes), stack_size(attributes)) };
    // The new thread begins with signals blocked: a handler must not run before the runtime has met it.
    let blocked = SignalsBlocked::new();
    // SAFETY: as above.
    let mask = unsafe { mask(attributes) }.unwrap_or(blocked.former());
    let start = enter(|rt, thread| {
        let created_at = thread.context(&rt.engine.contexts, pc);
        let mut engine = rt.engine.spawn(&mut thread.engine);
        if detached {
            engine.set_detached();
        }
        let mut info = ThreadInfo::new(engine.id(), Some(thread.info.id), created_at);
        *info.announced.get_mut() = detached;
        let info = rt.registry.lock().keep(info);
        Box::into_raw(Box::new(Start { engine, info, function, argument, stack_size, mask }))
    });
    let Some(start) = start else {
        drop(blocked);
        // SAFETY: the caller's promise.
        return unsafe { real::pthread_create(handle, attributes, function, argument) };
    };
    // SAFETY: it was made above, and no thread has it yet.
    let info = unsafe { (*start).info };
    // SAFETY: the caller's promise; `begin` takes over what `start` points to.
    let result = unsafe { real::pthread_create(handle, attributes, begin, start.cast()) };
    if result != 0 {
        // SAFETY: no thread was created that could have taken it.
        let mut start = unsafe { Box::from_raw(start) };
        start.engine.set_detached();
        start.info.running.store(false, Ordering::Relaxed);
        enter(|rt, _| rt.engine.exit(&mut start.engine));
    } else if !detached {
        // SAFETY: the thread was created, so its handle was written.
        let handle = unsafe { *handle };
        enter(|_, _| announce(handle, info));
    }
    result
}

/// `handle` stands for a thread that begins. Its creator says so and it says so itself, since each of them may pass
/// the handle on to somebody who joins before the other has come this far. What the second one says is old:
/// the handle may stand for another thread by then.
fn announce(handle: libc::pthread_t, info: &ThreadInfo) {
    let mut handles = HANDLES.lock();
    if !info.announced.swap(true, Ordering::Relaxed) {
        handles.insert(handle, info.id);
    }
}

unsafe fn is_detached(attributes: *const libc::pthread_attr_t) -> bool {
    let mut state = libc::PTHREAD_CREATE_JOINABLE;
    if !attributes.is_null() {
        // SAFETY: the program passes attributes that it has initialised.
        unsafe { pthread_attr_getdetachstate(attributes, &raw mut state) };
    }
    state == libc::PTHREAD_CREATE_DETACHED
}

/// The stack size that the attributes ask for; 0 if the default is meant.
unsafe fn stack_size(attributes: *const libc::pthread_attr_t) -> usize {
    let mut size = 0;
    if !attributes.is_null() {
        // SAFETY: the program passes attributes that it has initialised.
        unsafe { pthread_attr_getstacksize(attributes, &raw mut size) };
    }
    size
}

/// The signals that the attributes say the new thread blocks, if they say so.
unsafe fn mask(attributes: *const libc::pthread_attr_t) -> Option<SignalSet> {
    if attributes.is_null() || real::addresses::pthread_attr_getsigmask_np.address() == 0 {
        return None;
    }
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: the program passes attributes that it has initialised; the set is filled in if the result is 0, and
    // the kernel's form is its first part.
    unsafe {
        let result = real::pthread_attr_getsigmask_np(attributes, set.as_mut_ptr());
        (result == 0).then(|| set.as_ptr().cast::<SignalSet>().read())
    }
}

/// The first function of every thread.
extern "C" fn begin(start: *mut c_void) -> *mut c_void {
    // The attributes may have given it a mask that lets signals through already.
    let blocked = SignalsBlocked::new();
    // SAFETY: it is the box that `pthread_create` above passed on, to this thread alone.
    let start = unsafe { Box::from_raw(start.cast::<Start>()) };
    let Start { engine, info, function, argument, stack_size, mask } = *start;
    startup::install(runtime(), engine, info, stack_size);
    let (stack_start, stack_size) = own_stack();
    info.stack[0].store(stack_start, Ordering::Relaxed);
    info.stack[1].store(stack_start + stack_size, Ordering::Relaxed);
    // The stack may have been another thread's: what that one did there says nothing about this one.
    // SAFETY: it has no preconditions.
    let handle = unsafe { pthread_self() };
    enter(|rt, _| {
        rt.engine.reset(stack_start, stack_size);
        announce(handle, info);
    });
    expect_end();
    drop(blocked);
    // It cannot fail: the set is one that the kernel gave.
    let _ = change_mask(MaskChange::Replace, mask);
    function(argument)
}

/// Start and size of the running thread's stack, thread-local memory included; (0, 0) if it cannot be told.
fn own_stack() -> (u64, u64) {
    let mut attributes = MaybeUninit::uninit();
    let (mut start, mut size) = (core::ptr::null_mut(), 0);
    // SAFETY: the attributes are initialised by the first call before the others read them.
    unsafe {
        if pthread_getattr_np(pthread_self(), attributes.as_mut_ptr()) != 0 {
            return (0, 0);
        }
        pthread_attr_getstack(attributes.as_ptr(), &raw mut start, &raw mut size);
        pthread_attr_destroy(attributes.as_mut_ptr());
    }
    (start as u64, size as u64)
}

/// The key whose destructor takes the end of a thread; 0 is not made yet (the key is stored plus one).
static END_KEY: AtomicU32 = AtomicU32::new(0);

/// Rounds of destructors that libc runs at least: the end is taken in the last one, since destructors of the
/// program run in all of them.
/// POSIX calls it `PTHREAD_DESTRUCTOR_ITERATIONS`.
const ROUNDS: usize = 4;

/// Sees to it that the end of the running thread is noticed.
pub fn expect_end() {
    let key = match END_KEY.load(Ordering::Acquire) {
        0 => make_key(),
        key => key,
    };
    // SAFETY: the key was made, and the value is not used as a pointer.
    unsafe { pthread_setspecific(key - 1, core::ptr::without_provenance(ROUNDS)) };
}

fn make_key() -> u32 {
    let mut key = 0;
    // SAFETY: `key` can be written, and the destructor lives as long as the process. Only the main thread gets
    // here, before there is another.
    if unsafe { pthread_key_create(&raw mut key, round) } != 0 {
        startup::die("pthread_key_create failed: the ends of threads could not be seen");
    }
    END_KEY.store(key + 1, Ordering::Release);
    key + 1
}

extern "C" fn round(left: *mut c_void) {
    let left = left as usize - 1;
    if left == 0 {
        return end();
    }
    let key = END_KEY.load(Ordering::Acquire) - 1;
    // SAFETY: as in `expect_end`.
    unsafe { pthread_setspecific(key, core::ptr::without_provenance(left)) };
}

/// The running thread has done its last access.
fn end() {
    // SAFETY: the block is the running thread's own.
    let state = unsafe { (*local()).state };
    if state <= Local::GONE {
        return;
    }
    // A handler that ran between the end and its being known would run as a thread that does not exist.
    let _blocked = SignalsBlocked::new();
    enter(leave);
    // SAFETY: the state is in no list any more, so this thread has the only pointer to it.
    unsafe {
        (*local()).write_key = 0;
        (*local()).read_key = 0;
        (*local()).state = Local::GONE;
        let mut state = Box::from_raw(state);
        if let Some(calls) = state.calls.take() {
            calls.uninstall(&runtime().areas);
        }
    }
}

fn leave(rt: &Runtime, thread: &mut ThreadState) {
    let [start, end] = [0, 1].map(|i| thread.info.stack[i].load(Ordering::Relaxed));
    if start != 0 {
        let ctx = rt.engine.contexts.thread_end(&mut thread.engine.contexts);
        rt.engine.bury(&mut thread.engine, start, end - start, ctx);
    }
    mutex::leave_to_others(rt, thread);
    rt.engine.exit(&mut thread.engine);
    rt.heap.drain(&mut thread.heap);
    thread.info.running.store(false, Ordering::Relaxed);
    let me: *mut ThreadState = thread;
    rt.registry.lock().running.retain(|&t| t != me);
}

/// Takes the thread that `handle` stands for out of the table. To be done before libc is told that the handle is
/// no longer needed, since it then may give it to a new thread.
pub(super) fn take(handle: libc::pthread_t) -> Option<ThreadId> {
    enter(|_, _| HANDLES.lock().remove(&handle)).flatten()
}

/// After a wait for the end of a thread: it happened, or the handle still stands for it.
pub(super) fn joined(result: c_int, handle: libc::pthread_t, id: Option<ThreadId>) {
    let Some(id) = id else { return };
    enter(|rt, thread| match result {
        0 => {
            rt.engine.join(&mut thread.engine, id);
        }
        _ => {
            HANDLES.lock().insert(handle, id);
        }
    });
}

intercept! {
    fn racecheck_intercept_pthread_join(handle: libc::pthread_t, value: *mut *mut c_void; _pc in "rdx") -> c_int {
        let id = take(handle);
        let result = real::pthread_join(handle, value);
        joined(result, handle, id);
        result
    }
}

intercept! {
    fn racecheck_intercept_pthread_tryjoin_np(handle: libc::pthread_t, value: *mut *mut c_void; _pc in "rdx") -> c_int {
        let id = take(handle);
        let result = real::pthread_tryjoin_np(handle, value);
        joined(result, handle, id);
        result
    }
}

intercept! {
    fn racecheck_intercept_pthread_timedjoin_np(
        handle: libc::pthread_t, value: *mut *mut c_void, until: *const libc::timespec; _pc in "rcx"
    ) -> c_int {
        let id = take(handle);
        let result = real::pthread_timedjoin_np(handle, value, until);
        joined(result, handle, id);
        result
    }
}

intercept! {
    fn racecheck_intercept_pthread_detach(handle: libc::pthread_t; _pc in "rsi") -> c_int {
        let id = take(handle);
        let result = real::pthread_detach(handle);
        detached(id);
        result
    }
}

/// Nobody will join the thread.
pub(super) fn detached(id: Option<ThreadId>) {
    if let Some(id) = id {
        enter(|rt, _| rt.engine.detach(id));
    }
}

intercept! {
    fn racecheck_intercept_pthread_setname_np(handle: libc::pthread_t, name: *const c_char; _pc in "rdx") -> c_int {
        if !name.is_null() {
            let text = String::from_utf8_lossy(CStr::from_ptr(name).to_bytes()).into_owned();
            let own = handle == pthread_self();
            enter(|rt, thread| {
                let id = HANDLES.lock().get(&handle).copied();
                let info = match (own, id) {
                    (true, _) => Some(thread.info),
                    (_, Some(id)) => rt.registry.lock().info(id),
                    _ => None,
                };
                if let Some(info) = info {
                    *info.name.lock() = Some(text);
                }
            });
        }
        real::pthread_setname_np(handle, name)
    }
}
