//! The shadow call stack: the return addresses of the instrumented functions that are active.
//!
//! `__tsan_func_entry` and `__tsan_func_exit` only push and pop (see [`crate::abi::function`]). The context
//! of a frame is looked up when an access in it is recorded, and then kept beside the entry: entries below
//! `known` have theirs. A pop below `known` moves it down, so that each frame is looked up once.

use core::ptr::NonNull;

use racecheck_engine::{ContextCache, ContextTable, Ctx};

use crate::local::{Local, local};
use crate::memory::region::Region;

/// Entries that lie below the bottom, so that a thread that is met in the middle of its life may return
/// from functions whose entry was not seen.
const SLACK: usize = 64;
/// Depth for a thread whose stack size is unknown.
const DEFAULT_DEPTH: usize = 1 << 20;
/// The least that an active function needs of the real stack: its return address and alignment.
const LEAST_FRAME: usize = 16;

/// The memory of a thread's shadow call stack.
#[derive(Debug)]
pub struct CallStack {
    base: *mut u64,
    contexts: *mut Ctx,
    depth: usize,
}

impl CallStack {
    /// A stack deep enough for a thread with `stack_size` bytes of real stack (0 if unknown), and makes it the
    /// running thread's. `None` if there is no address space left.
    pub fn install(areas: &Region, stack_size: usize) -> Option<CallStack> {
        let depth = if stack_size == 0 { DEFAULT_DEPTH } else { stack_size / LEAST_FRAME } + SLACK;
        let base = areas.cut(Self::size(depth), align_of::<u64>())?.as_ptr().cast::<u64>();
        // SAFETY: the region has room for `depth` entries and as many contexts behind them.
        let contexts = unsafe { base.add(depth) }.cast::<Ctx>();
        // SAFETY: the block is the running thread's own; SLACK < depth.
        unsafe {
            (*local()).top = base.add(SLACK);
            (*local()).known = base.add(SLACK);
            (*local()).bottom = base.add(SLACK);
            (*local()).limit = base.add(depth);
        }
        Some(CallStack { base, contexts, depth })
    }

    fn size(depth: usize) -> usize {
        depth * (size_of::<u64>() + size_of::<Ctx>())
    }

    /// Gives the memory back; the running thread has no shadow call stack any more.
    pub fn uninstall(self, areas: &Region) {
        // SAFETY: the block is the running thread's own.
        unsafe {
            (*local()).top = core::ptr::null_mut();
            (*local()).known = core::ptr::null_mut();
            (*local()).bottom = core::ptr::null_mut();
            (*local()).limit = core::ptr::null_mut();
        }
        if let Some(base) = NonNull::new(self.base.cast::<u8>()) {
            // SAFETY: it was cut with this size in `install`, and nothing points into it any more.
            unsafe { areas.release(base, Self::size(self.depth)) };
        }
    }

    /// The context of the code at `pc` in the innermost function of the running thread; of that function's
    /// call if `pc` is 0.
    #[inline]
    pub fn context(&self, table: &ContextTable, cache: &mut ContextCache, pc: u64) -> Ctx {
        let caller = self.caller(table, cache);
        if pc == 0 {
            return caller;
        }
        table.child(cache, caller, pc)
    }

    /// The context of the innermost function's call.
    #[inline]
    pub fn caller(&self, table: &ContextTable, cache: &mut ContextCache) -> Ctx {
        let block = local();
        // SAFETY: the block is the running thread's own.
        let Local { top, known, .. } = unsafe { block.read() };
        if top == known {
            return self.context_below(top);
        }
        self.look_up(table, cache, top, known)
    }

    #[inline(never)]
    fn look_up(&self, table: &ContextTable, cache: &mut ContextCache, top: *mut u64, known: *mut u64) -> Ctx {
        let mut entry = known;
        let mut ctx = self.context_below(known);
        while entry < top {
            let index = self.index(entry);
            if index >= self.depth {
                break;
            }
            // SAFETY: `index < depth`; entries below `top` were pushed.
            unsafe {
                ctx = table.child(cache, ctx, *self.base.add(index));
                *self.contexts.add(index) = ctx;
                entry = entry.add(1);
            }
        }
        // SAFETY: the block is the running thread's own.
        unsafe { (*local()).known = entry };
        ctx
    }

    fn context_below(&self, entry: *mut u64) -> Ctx {
        match self.index(entry) {
            index if index > SLACK && index <= self.depth => {
                // SAFETY: the entry below `entry` is in the stack and known.
                unsafe { *self.contexts.add(index - 1) }
            }
            _ => Ctx::UNKNOWN,
        }
    }

    fn index(&self, entry: *mut u64) -> usize {
        (entry as usize).wrapping_sub(self.base as usize) / size_of::<u64>()
    }
}
