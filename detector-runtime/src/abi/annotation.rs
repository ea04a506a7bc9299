//! Annotations: what a program says of itself, by `sanitizer/tsan_interface.h` and by the older `Annotate…`
//! interface (with its `WTFAnnotate…` names).
//!
//! # What differs from LLVM's runtime
//! - Callbacks that a program may define (`__tsan_on_initialize`, `__tsan_on_finalize`, `__tsan_on_report`,
//!   `__tsan_default_options`, `__tsan_default_suppressions`) are not called: the runtime cannot tell whether they
//!   exist without a weak reference, which stable Rust cannot make. `RACECHECK_OPTIONS` is the way.
//! - Reports cannot be read from within the process: there is never a current one.
//! - `AnnotateIgnoreSync…` has no effect: what the program orders is ordered.
//! - `__tsan_check_no_mutexes_held` checks nothing.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::{CStr, c_char, c_int, c_uint, c_void};
use core::ops::Range;
use core::sync::atomic::Ordering;

use racecheck_engine::{Channel, Place};

use crate::gate::enter;
use crate::local::{Local, local};
use crate::lock::SpinLock;
use crate::runtime::Runtime;
use crate::startup;
use crate::sys::signal::SignalsBlocked;
use crate::thread::{ThreadInfo, ThreadState};

/// Functions that are given their return address as one more argument; see [`crate::intercept`].
macro_rules! placed {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $type:ty),*; $pc:ident in $reg:literal) $(-> $result:ty)? $body:block)*) => {$(
        $(#[$doc])*
        #[unsafe(naked)]
        #[unsafe(no_mangle)]
        extern "C" fn $name($($arg: $type),*) $(-> $result)? {
            extern "C" fn inner($($arg: $type,)* $pc: u64) $(-> $result)? $body
            core::arch::naked_asm!(concat!("mov ", $reg, ", qword ptr [rsp]"), "jmp {inner}", inner = sym inner)
        }
    )*};
}

/// Functions that do nothing and return nothing.
macro_rules! without_effect {
    ($($name:ident;)*) => {$(
        #[unsafe(no_mangle)]
        extern "C" fn $name() {}
    )*};
}

/// Functions that find nothing.
macro_rules! empty_handed {
    ($($name:ident;)*) => {$(
        #[unsafe(no_mangle)]
        extern "C" fn $name() -> c_int {
            0
        }
    )*};
}

// Happens-before edges.

/// What was released at the address is ordered before what follows.
#[unsafe(no_mangle)]
extern "C" fn __tsan_acquire(address: u64) {
    enter(|rt, thread| rt.engine.acquire(&mut thread.engine, address, Channel::OWNER));
}

/// What was done so far is ordered before whoever acquires at the address from now on.
#[unsafe(no_mangle)]
extern "C" fn __tsan_release(address: u64) {
    enter(|rt, thread| rt.engine.release(&mut thread.engine, address, Channel::OWNER));
}

/// The older interface: the first two arguments are file and line.
#[unsafe(no_mangle)]
extern "C" fn AnnotateHappensBefore(_: *const c_char, _: c_int, address: u64) {
    __tsan_release(address);
}

#[unsafe(no_mangle)]
extern "C" fn AnnotateHappensAfter(_: *const c_char, _: c_int, address: u64) {
    __tsan_acquire(address);
}

#[unsafe(no_mangle)]
extern "C" fn WTFAnnotateHappensBefore(_: *const c_char, _: c_int, address: u64) {
    __tsan_release(address);
}

#[unsafe(no_mangle)]
extern "C" fn WTFAnnotateHappensAfter(_: *const c_char, _: c_int, address: u64) {
    __tsan_acquire(address);
}

// Accesses that are not to be looked at.

/// Accesses of the running thread are not looked at until the matching end. What it synchronises is.
fn ignore_begin() {
    enter(|_, thread| thread.ignore += 1);
}

fn ignore_end() {
    enter(|_, thread| thread.ignore = thread.ignore.saturating_sub(1));
}

/// Neither accesses nor atomic operations of the running thread are looked at until the matching end. The compiler
/// calls this at both ends of functions with the attribute `sanitize_thread_no_checking_at_run_time`.
#[unsafe(no_mangle)]
extern "C" fn __tsan_ignore_thread_begin() {
    enter(|_, thread| {
        thread.ignore += 1;
        thread.looks_away += 1;
    });
}

#[unsafe(no_mangle)]
extern "C" fn __tsan_ignore_thread_end() {
    enter(|_, thread| {
        thread.ignore = thread.ignore.saturating_sub(1);
        thread.looks_away = thread.looks_away.saturating_sub(1);
    });
}

/// Each pair has its own names for reads and writes; both leave out both, as they do in LLVM's runtime.
macro_rules! ignoring {
    ($($begin:ident, $end:ident;)*) => {$(
        #[unsafe(no_mangle)]
        extern "C" fn $begin(_: *const c_char, _: c_int) {
            ignore_begin();
        }

        #[unsafe(no_mangle)]
        extern "C" fn $end(_: *const c_char, _: c_int) {
            ignore_end();
        }
    )*};
}

ignoring! {
    AnnotateIgnoreReadsBegin, AnnotateIgnoreReadsEnd;
    AnnotateIgnoreWritesBegin, AnnotateIgnoreWritesEnd;
}

/// A race on these bytes is known and meant.
static BENIGN: SpinLock<Vec<Range<u64>>> = SpinLock::new(Vec::new());

/// True if the program said that races on some of these bytes are meant.
pub fn is_benign(address: u64, size: u64) -> bool {
    let end = address.saturating_add(size);
    BENIGN.lock().iter().any(|range| range.start < end && address < range.end)
}

/// From now on, races on the bytes are not reported.
#[unsafe(no_mangle)]
extern "C" fn AnnotateBenignRaceSized(
    _: *const c_char,
    _: c_int,
    address: u64,
    size: u64,
    _why: *const c_char,
) {
    enter(|_, _| {
        let mut ranges = BENIGN.lock();
        let new = address..address.saturating_add(size);
        if !ranges.contains(&new) {
            ranges.push(new);
        }
    });
}

#[unsafe(no_mangle)]
extern "C" fn AnnotateBenignRace(file: *const c_char, line: c_int, address: u64, why: *const c_char) {
    AnnotateBenignRaceSized(file, line, address, 1, why);
}

#[unsafe(no_mangle)]
extern "C" fn WTFAnnotateBenignRaceSized(
    file: *const c_char,
    line: c_int,
    address: u64,
    size: u64,
    why: *const c_char,
) {
    AnnotateBenignRaceSized(file, line, address, size, why);
}

/// An allocator of the program's own hands the memory out: what was done there belongs to its life before.
#[unsafe(no_mangle)]
extern "C" fn AnnotateNewMemory(_: *const c_char, _: c_int, address: u64, size: u64) {
    enter(|rt, _| rt.engine.reset(address, size));
}

// Locks of the program's own.

/// Flags of `__tsan_mutex_…`.
#[derive(Clone, Copy)]
struct MutexFlags(c_uint);

impl MutexFlags {
    const READ_LOCK: c_uint = 1 << 3;
    const TRY_LOCK_FAILED: c_uint = 1 << 5;
    const RECURSIVE_LOCK: c_uint = 1 << 6;
    const RECURSIVE_UNLOCK: c_uint = 1 << 7;

    fn has(self, flag: c_uint) -> bool {
        self.0 & flag != 0
    }
}

/// How often the writer holds each annotated mutex: `__tsan_mutex_pre_unlock` has to tell.
static DEPTHS: SpinLock<BTreeMap<u64, c_int>> = SpinLock::new(BTreeMap::new());

fn forget_lock(rt: &Runtime, address: u64) {
    rt.engine.forget(address, Channel::OWNER);
    rt.engine.forget(address, Channel::READERS);
    DEPTHS.lock().remove(&address);
}

fn locked(rt: &Runtime, thread: &mut ThreadState, address: u64, times: c_int) {
    rt.engine.acquire(&mut thread.engine, address, Channel::OWNER);
    rt.engine.acquire(&mut thread.engine, address, Channel::READERS);
    *DEPTHS.lock().entry(address).or_insert(0) += times;
}

fn read_locked(rt: &Runtime, thread: &mut ThreadState, address: u64) {
    rt.engine.acquire(&mut thread.engine, address, Channel::OWNER);
}

/// Gives up `times` locks of the writer, or all; tells how many.
fn unlock(rt: &Runtime, thread: &mut ThreadState, address: u64, times: Option<c_int>) -> c_int {
    rt.engine.forget(address, Channel::READERS);
    rt.engine.release_owner(&mut thread.engine, address, Channel::OWNER);
    let mut depths = DEPTHS.lock();
    let held = depths.get(&address).copied().unwrap_or(0);
    let given = times.unwrap_or(held);
    match held.saturating_sub(given) {
        0 => depths.remove(&address),
        left => depths.insert(address, left),
    };
    given
}

fn read_unlock(rt: &Runtime, thread: &mut ThreadState, address: u64) {
    rt.engine.release(&mut thread.engine, address, Channel::READERS);
}

/// The life of a mutex begins.
#[unsafe(no_mangle)]
extern "C" fn __tsan_mutex_create(address: u64, _flags: c_uint) {
    enter(|rt, _| forget_lock(rt, address));
}

/// It ends.
#[unsafe(no_mangle)]
extern "C" fn __tsan_mutex_destroy(address: u64, _flags: c_uint) {
    enter(|rt, _| forget_lock(rt, address));
}

/// Up to `__tsan_mutex_post_lock`, accesses are the mutex's own business.
#[unsafe(no_mangle)]
extern "C" fn __tsan_mutex_pre_lock(_address: u64, _flags: c_uint) {
    ignore_begin();
}

/// The mutex is locked, unless the flags say that trying failed.
#[unsafe(no_mangle)]
extern "C" fn __tsan_mutex_post_lock(address: u64, flags: c_uint, recursion: c_int) {
    let flags = MutexFlags(flags);
    ignore_end();
    if flags.has(MutexFlags::TRY_LOCK_FAILED) {
        return;
    }
    enter(|rt, thread| match flags.has(MutexFlags::READ_LOCK) {
        true => read_locked(rt, thread, address),
        false => {
            let times = if flags.has(MutexFlags::RECURSIVE_LOCK) { recursion } else { 1 };
            locked(rt, thread, address, times);
        }
    });
}

/// The mutex is about to be unlocked: by how many locks, `__tsan_mutex_post_lock` may want to know again.
#[unsafe(no_mangle)]
extern "C" fn __tsan_mutex_pre_unlock(address: u64, flags: c_uint) -> c_int {
    let flags = MutexFlags(flags);
    let given = enter(|rt, thread| {
        thread.ignore += 1;
        if flags.has(MutexFlags::READ_LOCK) {
            read_unlock(rt, thread, address);
            return 0;
        }
        let times = if flags.has(MutexFlags::RECURSIVE_UNLOCK) { None } else { Some(1) };
        unlock(rt, thread, address, times)
    });
    given.unwrap_or(0)
}

#[unsafe(no_mangle)]
extern "C" fn __tsan_mutex_post_unlock(_address: u64, _flags: c_uint) {
    ignore_end();
}

/// The mutex's owner is about to wake somebody.
#[unsafe(no_mangle)]
extern "C" fn __tsan_mutex_pre_signal(_address: u64, _flags: c_uint) {
    ignore_begin();
}

#[unsafe(no_mangle)]
extern "C" fn __tsan_mutex_post_signal(_address: u64, _flags: c_uint) {
    ignore_end();
}

/// The mutex's code calls something that is not the mutex's business.
#[unsafe(no_mangle)]
extern "C" fn __tsan_mutex_pre_divert(_address: u64, _flags: c_uint) {
    ignore_end();
}

#[unsafe(no_mangle)]
extern "C" fn __tsan_mutex_post_divert(_address: u64, _flags: c_uint) {
    ignore_begin();
}

#[unsafe(no_mangle)]
extern "C" fn AnnotateRWLockCreate(_: *const c_char, _: c_int, lock: u64) {
    __tsan_mutex_create(lock, 0);
}

#[unsafe(no_mangle)]
extern "C" fn AnnotateRWLockCreateStatic(_: *const c_char, _: c_int, lock: u64) {
    __tsan_mutex_create(lock, 0);
}

#[unsafe(no_mangle)]
extern "C" fn AnnotateRWLockDestroy(_: *const c_char, _: c_int, lock: u64) {
    __tsan_mutex_destroy(lock, 0);
}

#[unsafe(no_mangle)]
extern "C" fn AnnotateRWLockAcquired(_: *const c_char, _: c_int, lock: u64, is_writer: u64) {
    enter(|rt, thread| match is_writer {
        0 => read_locked(rt, thread, lock),
        _ => locked(rt, thread, lock, 1),
    });
}

#[unsafe(no_mangle)]
extern "C" fn AnnotateRWLockReleased(_: *const c_char, _: c_int, lock: u64, is_writer: u64) {
    enter(|rt, thread| match is_writer {
        0 => read_unlock(rt, thread, lock),
        _ => {
            unlock(rt, thread, lock, Some(1));
        }
    });
}

// Objects of libraries that are not instrumented.

/// The name of a kind of object. What it gives is a tag for the functions below.
#[unsafe(no_mangle)]
extern "C" fn __tsan_external_register_tag(object_type: *const c_char) -> *const c_void {
    // The name itself serves as its tag: reports do not show it.
    object_type.cast()
}

#[unsafe(no_mangle)]
extern "C" fn __tsan_external_register_header(_tag: *const c_void, _header: *const c_char) {}

#[unsafe(no_mangle)]
extern "C" fn __tsan_external_assign_tag(_address: *const c_void, _tag: *const c_void) {}

/// An object of a library is read or changed: its first byte stands for it.
#[derive(Clone, Copy)]
enum External {
    Read,
    Write,
}

/// `caller_pc` is where the library was called, `pc` the place in the library.
fn external(what: External, address: u64, caller_pc: u64, pc: u64) {
    enter(|rt, thread| {
        if thread.ignore != 0 {
            return;
        }
        let (engine, here) = thread.at(caller_pc);
        let caller = here.context(&rt.engine.contexts, &mut engine.contexts);
        let ctx = rt.engine.contexts.child(&mut engine.contexts, caller, pc);
        match what {
            External::Read => rt.engine.read(engine, address, 1, ctx),
            External::Write => rt.engine.write(engine, address, 1, ctx),
        }
    });
}

placed! {
    fn __tsan_external_read(address: u64, caller_pc: u64, _tag: *const c_void; pc in "rcx") {
        external(External::Read, address, caller_pc, pc);
    }

    fn __tsan_external_write(address: u64, caller_pc: u64, _tag: *const c_void; pc in "rcx") {
        external(External::Write, address, caller_pc, pc);
    }
}

// Fibers.
//
// A fiber is a thread of the engine that runs on whatever thread switches to it: it has a state and a shadow call
// stack of its own, and a switch exchanges the running thread's block. The thread's own state is a fiber too. A
// handle is the address of the state.

/// The block of each fiber that is not running, by handle. The state of such a fiber leads to this block.
static SUSPENDED: SpinLock<BTreeMap<usize, Suspended>> = SpinLock::new(BTreeMap::new());

struct Suspended(Box<Local>);

// SAFETY: the block's pointers lead to memory that belongs to the fiber, and only the thread that takes the
// block out of the table follows them.
unsafe impl Send for Suspended {}

type Fiber = *mut ThreadState;

/// In `__tsan_switch_to_fiber`'s flags: the switch orders nothing.
const NO_SYNC: c_uint = 1;

/// The fiber that runs: on a thread that never switched, the thread itself.
#[unsafe(no_mangle)]
extern "C" fn __tsan_get_current_fiber() -> Fiber {
    enter(|_, thread| &raw mut *thread).unwrap_or(core::ptr::null_mut())
}

placed! {
    /// A new fiber: ordered after what its creator did so far.
    fn __tsan_create_fiber(_flags: c_uint; pc in "rsi") -> Fiber {
        enter(|rt, thread| create_fiber(rt, thread, pc)).unwrap_or(core::ptr::null_mut())
    }
}

fn create_fiber(rt: &'static Runtime, creator: &mut ThreadState, pc: u64) -> Fiber {
    let created_at = creator.context(&rt.engine.contexts, pc);
    let mut engine = rt.engine.spawn(&mut creator.engine);
    engine.set_detached();
    let info = ThreadInfo::new(engine.id(), Some(creator.info.id), created_at);
    let info = rt.registry.lock().keep(info);
    let _blocked = SignalsBlocked::new();
    // SAFETY: the block is the running thread's own. No signal handler sees it while it is the new fiber's.
    let (fiber, block) = unsafe {
        let mine = local().read();
        let fiber = startup::install(rt, engine, info, 0);
        let mut theirs = Box::new(local().read());
        local().write(mine);
        (*fiber).block = &raw mut *theirs;
        (fiber, theirs)
    };
    SUSPENDED.lock().insert(fiber as usize, Suspended(block));
    fiber
}

/// The fiber never runs again. It is not running now.
#[unsafe(no_mangle)]
extern "C" fn __tsan_destroy_fiber(fiber: Fiber) {
    enter(|rt, _| {
        if SUSPENDED.lock().remove(&(fiber as usize)).is_none() {
            return;
        }
        rt.registry.lock().running.retain(|&state| state != fiber);
        // SAFETY: the table held it, so it is a fiber's state, and nobody has a pointer to it any more.
        let mut state = unsafe { Box::from_raw(fiber) };
        rt.engine.exit(&mut state.engine);
        rt.heap.drain(&mut state.heap);
        state.info.running.store(false, Ordering::Relaxed);
        if let Some(calls) = state.calls.take() {
            // SAFETY: the block is the running thread's own; the stack that goes is not the one in it.
            unsafe {
                let mine = local().read();
                calls.uninstall(&rt.areas);
                local().write(mine);
            }
        }
    });
}

/// The program is about to go on with the fiber's stack.
#[unsafe(no_mangle)]
extern "C" fn __tsan_switch_to_fiber(fiber: Fiber, flags: c_uint) {
    let orders = flags & NO_SYNC == 0;
    let object = fiber as u64;
    // A signal handler would run half as one fiber and half as the other.
    let _blocked = SignalsBlocked::new();
    let block = enter(|rt, thread| {
        let me: Fiber = thread;
        let mut suspended = SUSPENDED.lock();
        let Suspended(block) = suspended.remove(&(fiber as usize))?;
        if orders {
            rt.engine.release(&mut thread.engine, object, Channel::OWNER);
        }
        // SAFETY: the block is the running thread's own. A suspended state is alive and nobody else's.
        unsafe {
            let mut mine = Box::new(local().read());
            thread.block = &raw mut *mine;
            suspended.insert(me as usize, Suspended(mine));
            (*fiber).block = local();
            // Free blocks of the heap stay with the thread.
            core::mem::swap(&mut thread.heap, &mut (*fiber).heap);
        }
        Some(block)
    });
    let Some(Some(block)) = block else { return };
    // SAFETY: the block is the running thread's own, and it is outside of the runtime: nothing refers to its old
    // state. The keys are renewed below, before code of the program runs.
    unsafe { local().copy_from_nonoverlapping(&raw const *block, 1) };
    enter(|rt, thread| {
        drop(block);
        if orders {
            rt.engine.acquire(&mut thread.engine, object, Channel::OWNER);
        }
        thread.refresh_keys();
    });
}

#[unsafe(no_mangle)]
extern "C" fn __tsan_set_fiber_name(fiber: Fiber, name: *const c_char) {
    let name = text(name);
    enter(|_, thread| {
        let me: Fiber = thread;
        // SAFETY: the program passes a handle that it has not destroyed; what is read does not change.
        let info = if fiber == me { thread.info } else { unsafe { (*fiber).info } };
        *info.name.lock() = name;
    });
}

fn text(name: *const c_char) -> Option<String> {
    if name.is_null() {
        return None;
    }
    // SAFETY: the program passes a string that ends with a zero byte.
    Some(String::from_utf8_lossy(unsafe { CStr::from_ptr(name) }.to_bytes()).into_owned())
}

#[unsafe(no_mangle)]
extern "C" fn AnnotateThreadName(_: *const c_char, _: c_int, name: *const c_char) {
    let name = text(name);
    enter(|_, thread| *thread.info.name.lock() = name);
}

// What has no effect here. The functions take arguments, which are not looked at.

without_effect! {
    __tsan_check_no_mutexes_held;
    __tsan_flush_memory;
    AnnotateIgnoreSyncBegin;
    AnnotateIgnoreSyncEnd;
    AnnotateEnableRaceDetection;
    AnnotateFlushState;
    AnnotateFlushExpectedRaces;
    AnnotateExpectRace;
    AnnotateMutexIsUsedAsCondVar;
    AnnotateMutexIsNotPHB;
    AnnotateCondVarWait;
    AnnotateCondVarSignal;
    AnnotateCondVarSignalAll;
    AnnotatePCQCreate;
    AnnotatePCQDestroy;
    AnnotatePCQPut;
    AnnotatePCQGet;
    AnnotatePublishMemoryRange;
    AnnotateUnpublishMemoryRange;
    AnnotateTraceMemory;
    AnnotateNoOp;
    AnnotateMemoryIsInitialized;
    AnnotateMemoryIsUninitialized;
}

empty_handed! {
    __tsan_get_report_data;
    __tsan_get_report_tag;
    __tsan_get_report_stack;
    __tsan_get_report_mop;
    __tsan_get_report_loc;
    __tsan_get_report_loc_object_type;
    __tsan_get_report_mutex;
    __tsan_get_report_thread;
    __tsan_get_report_unique_tid;
    __tsan_get_alloc_stack;
}

#[unsafe(no_mangle)]
extern "C" fn __tsan_get_current_report() -> *const c_void {
    core::ptr::null()
}

/// LLVM's gives a word for the kind of memory.
#[unsafe(no_mangle)]
extern "C" fn __tsan_locate_address() -> *const c_char {
    c"".as_ptr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn benign_ranges_are_half_open() {
        BENIGN.lock().push(100..108);
        assert!(is_benign(100, 1) && is_benign(107, 1) && is_benign(96, 8) && is_benign(90, 100));
        assert!(!is_benign(99, 1) && !is_benign(108, 8));
    }
}
