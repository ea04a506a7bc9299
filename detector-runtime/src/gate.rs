//! The gate: how a thread gets into the runtime and out again.
//!
//! While a thread is inside it is *busy*: the program's signal handlers wait (they are run at the gate on
//! the way out), a second entry from inside finds the gate closed, and whoever needs the runtime at
//! rest (a collection, `fork`) waits until nobody is inside.
//!
//! Stopping the world costs those who pass the gate two plain stores and one load: the one who stops sets a
//! flag and issues a process-wide memory barrier, which stands for the fences that the others do not have.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering, compiler_fence};

use crate::local::{Local, local};
use crate::runtime::{Runtime, runtime};
use crate::sys::signal::SignalsBlocked;
use crate::sys::{futex, process};
use crate::thread::ThreadState;
use crate::{collector, intercept, report, startup};

/// Not 0 while the world is stopped.
static STOPPED: AtomicU32 = AtomicU32::new(0);

/// Runs `f` inside the runtime. `None` if the thread is inside already or has ended: then whatever is going on
/// is the runtime's own business, or nobody's.
#[inline(always)]
pub fn enter<R>(f: impl FnOnce(&'static Runtime, &mut ThreadState) -> R) -> Option<R> {
    // SAFETY: the block is the running thread's own.
    let mut state = unsafe { (*local()).state };
    if state <= Local::GONE {
        state = meet(state)?;
    }
    // SAFETY: a state in the block is alive, and only its own thread follows this pointer. The flag makes sure
    // that there is one reference at a time: a second entry turns back below.
    let busy = unsafe { &(*state).busy };
    if busy.load(Ordering::Relaxed) {
        return None;
    }
    busy.store(true, Ordering::Relaxed);
    // Pairs with the barrier in `stop_the_world`: either it sees the flag above, or the load below sees its flag.
    compiler_fence(Ordering::SeqCst);
    if STOPPED.load(Ordering::Relaxed) != 0 {
        wait_at_the_gate(busy);
    }
    // SAFETY: see above.
    let thread = unsafe { &mut *state };
    let result = f(runtime(), thread);
    thread.refresh_keys();
    if runtime().engine.collection_wanted() {
        collector::collect_if_due(runtime(), thread);
    }
    if !thread.engine.races.is_empty() {
        report::emit(runtime(), thread);
    }
    thread.busy.store(false, Ordering::Release);
    compiler_fence(Ordering::SeqCst);
    if thread.pending_signals.load(Ordering::Relaxed) != 0 {
        intercept::signal::run_pending(&thread.pending_signals);
    }
    Some(result)
}

#[cold]
fn meet(state: *mut ThreadState) -> Option<*mut ThreadState> {
    if state == Local::GONE {
        return None;
    }
    // A handler that ran now would meet the thread as well.
    let _blocked = SignalsBlocked::new();
    startup::meet_thread()
}

#[cold]
fn wait_at_the_gate(busy: &AtomicBool) {
    loop {
        busy.store(false, Ordering::Release);
        while STOPPED.load(Ordering::Acquire) != 0 {
            futex::wait(&STOPPED, 1);
        }
        busy.store(true, Ordering::SeqCst);
        if STOPPED.load(Ordering::SeqCst) == 0 {
            return;
        }
    }
}

/// The world is stopped: nobody but the holder is inside the runtime.
pub struct Stopped<'a> {
    registry: crate::lock::SpinGuard<'a, crate::thread::Registry>,
}

impl Stopped<'_> {
    /// The states of all running threads.
    pub fn threads(&self) -> &[*mut ThreadState] {
        &self.registry.running
    }

    /// In a forked child: forgets all threads but `me`, since they do not exist there.
    pub fn keep_only(&mut self, me: *mut ThreadState) {
        let registry = &mut *self.registry;
        registry.running.retain(|&t| t == me);
        // SAFETY: what is left is the running thread's own state, if it has one.
        let own = registry.running.first().map(|&me| unsafe { (*me).info.id });
        for info in registry.infos.iter().flatten().filter(|info| Some(info.id) != own) {
            info.running.store(false, Ordering::Relaxed);
        }
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        STOPPED.store(0, Ordering::Release);
        futex::wake(&raw const STOPPED, u32::MAX);
    }
}

/// Waits until nobody but `me` is inside the runtime, and keeps it so until the guard is dropped. The caller
/// is inside.
///
/// # Safety
/// `me` is the running thread's state; null for a thread that has none and is outside.
pub unsafe fn stop_the_world<'a>(runtime: &'a Runtime, me: *mut ThreadState) -> Stopped<'a> {
    // Whoever else is stopping the world waits for this thread, so it must be seen outside meanwhile.
    let outside = AtomicBool::new(false);
    // SAFETY: `me` is the caller's own state, if it is not null.
    let busy = unsafe { me.as_ref() }.map_or(&outside, |me| &me.busy);
    while STOPPED.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst).is_err() {
        wait_at_the_gate(busy);
    }
    if runtime.barrier.is_none_or(|b| b.issue().is_err()) {
        // Without the kernel's help there is only patience: long enough for any store to become visible.
        for _ in 0..64 {
            process::yield_now();
        }
    }
    loop {
        // Not held while waiting: a thread that is inside may be about to take it.
        let registry = runtime.registry.lock();
        // SAFETY: a state in the registry is alive while the registry is locked.
        let inside = |&&t: &&*mut ThreadState| t != me && unsafe { (*t).busy.load(Ordering::Acquire) };
        if registry.running.iter().find(inside).is_none() {
            return Stopped { registry };
        }
        drop(registry);
        process::yield_now();
    }
}
