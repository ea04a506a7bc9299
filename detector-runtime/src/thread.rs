//! A thread of the program, as the runtime keeps it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use racecheck_engine::word::{read_key, write_key};
use racecheck_engine::{ContextCache, ContextTable, Ctx, Place, Thread, ThreadId};

use crate::calls::CallStack;
use crate::intercept::jump::Depths;
use crate::local::Local;
use crate::lock::SpinLock;
use crate::memory::heap::HeapCache;

/// What is known of a thread for as long as the process lives: a report may name it long after its end.
#[derive(Debug)]
pub struct ThreadInfo {
    /// Its number.
    pub id: ThreadId,
    /// Who created it; `None` for the main thread and for threads that were not seen coming.
    pub creator: Option<ThreadId>,
    /// Where it was created.
    pub created_at: Ctx,
    /// Its name, once it has one.
    pub name: SpinLock<Option<String>>,
    /// It has not ended.
    pub running: AtomicBool,
    /// Its stack and the thread-local memory, if they are known: start and end.
    pub stack: [AtomicU64; 2],
    /// Nobody has to say any more which handle of libc stands for it: that was said, or it cannot be joined.
    pub announced: AtomicBool,
}

impl ThreadInfo {
    /// A thread that runs from now on.
    pub fn new(id: ThreadId, creator: Option<ThreadId>, created_at: Ctx) -> Self {
        ThreadInfo {
            id,
            creator,
            created_at,
            name: SpinLock::new(None),
            running: AtomicBool::new(true),
            stack: [const { AtomicU64::new(0) }; 2],
            announced: AtomicBool::new(false),
        }
    }

    /// True if `address` lies in its stack or its thread-local memory.
    pub fn owns(&self, address: u64) -> bool {
        let [start, end] = [0, 1].map(|i| self.stack[i].load(Ordering::Relaxed));
        (start..end).contains(&address)
    }
}

/// The running state of a thread. Reached through its thread-local block, by its own thread only, except for
/// the atomic fields.
#[derive(Debug)]
pub struct ThreadState {
    /// The thread is inside the runtime: it may hold locks of the engine and must not be interrupted by a
    /// signal handler of the program. Others look at it to stop the world.
    pub busy: AtomicBool,
    /// Signals that came while the thread was busy: a set of bits, bit n - 1 for signal n.
    pub pending_signals: AtomicU64,
    /// The detector's view.
    pub engine: Box<Thread>,
    /// The shadow call stack.
    pub calls: Option<CallStack>,
    /// Blocks of the program's heap that this thread may hand out without a lock.
    pub heap: HeapCache,
    /// What reports say of it.
    pub info: &'static ThreadInfo,
    /// Accesses are not looked at while this is not 0 (`AnnotateIgnore…Begin` and the like).
    pub ignore: u32,
    /// Atomic operations neither, while this is not 0.
    pub looks_away: u32,
    /// How deep calls of `setjmp` were.
    pub jumps: Depths,
    /// The thread-local block of its thread.
    pub block: *mut Local,
}

impl ThreadState {
    /// The context of the code at `pc` in the innermost instrumented function.
    #[inline]
    pub fn context(&mut self, table: &ContextTable, pc: u64) -> Ctx {
        let (engine, here) = self.at(pc);
        here.context(table, &mut engine.contexts)
    }

    /// The detector's view, and the place of the code at `pc` in the innermost instrumented function.
    #[inline]
    pub fn at(&mut self, pc: u64) -> (&mut Thread, Here<'_>) {
        (&mut self.engine, Here { calls: self.calls.as_ref(), pc })
    }

    /// Makes the fast paths compare with the thread's present epoch.
    #[inline]
    pub fn refresh_keys(&self) {
        let epoch = self.engine.epoch();
        // SAFETY: the block lives as long as its thread, and that is here, or waits outside of a stopped world.
        unsafe {
            (*self.block).write_key = write_key(epoch);
            (*self.block).read_key = read_key(epoch);
            (*self.block).set_keys = *self.engine.set_keys();
        }
    }
}

/// A place in the running thread, to be looked up when it is needed.
#[derive(Clone, Copy, Debug)]
pub struct Here<'a> {
    calls: Option<&'a CallStack>,
    pc: u64,
}

impl Place for Here<'_> {
    #[inline]
    fn context(self, table: &ContextTable, cache: &mut ContextCache) -> Ctx {
        match self.calls {
            Some(calls) => calls.context(table, cache, self.pc),
            None => table.child(cache, Ctx::UNKNOWN, self.pc),
        }
    }
}

/// All threads that the runtime has met: those that run, and what is kept of the others.
#[derive(Debug)]
pub struct Registry {
    /// States of running threads.
    pub running: Vec<*mut ThreadState>,
    /// By number.
    pub infos: Vec<Option<&'static ThreadInfo>>,
}

// SAFETY: the pointers are only followed for the atomic fields, or while the world is stopped.
unsafe impl Send for Registry {}

impl Registry {
    /// Nobody.
    pub const fn new() -> Self {
        Registry { running: Vec::new(), infos: Vec::new() }
    }

    /// Keeps `info` for ever.
    pub fn keep(&mut self, info: ThreadInfo) -> &'static ThreadInfo {
        let index = info.id.0 as usize;
        let info: &'static ThreadInfo = Box::leak(Box::new(info));
        if index >= self.infos.len() {
            self.infos.resize(index + 1, None);
        }
        self.infos[index] = Some(info);
        info
    }

    /// The running thread that has `address` in its stack or its thread-local memory.
    pub fn owner_of(&self, address: u64) -> Option<ThreadId> {
        // The newest first: memory of a thread that ended may be another's now.
        let mut known = self.infos.iter().rev().flatten();
        known.find(|info| info.owns(address)).map(|info| info.id)
    }

    /// What is kept of a thread.
    pub fn info(&self, id: ThreadId) -> Option<&'static ThreadInfo> {
        self.infos.get(id.0 as usize).copied().flatten()
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new()
    }
}
