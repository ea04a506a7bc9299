//! The malloc family: the program's heap is the runtime's, so that an address tells its block, and a block
//! who allocated it, where and when.

use core::ffi::{c_int, c_void};

use racecheck_engine::{AccessKind, OriginKind};

use super::{intercept, real};
use crate::ceiling::in_pieces;
use crate::gate::enter;
use crate::memory::heap::{BlockRef, Heap};
use crate::runtime::{RUNTIME, Runtime};
use crate::shadow::{origin_of, set_origin};
use crate::startup;
use crate::sys::memory::PAGE_SIZE;
use crate::thread::ThreadState;

/// What `malloc` aligns to.
pub(super) const LEAST_ALIGN: usize = 16;

/// A new block, known to the engine. Null if there is no memory.
pub(super) fn allocate(size: usize, align: usize, zeroed: bool, pc: u64) -> *mut u8 {
    let allocated = enter(|rt, thread| {
        let allocation = rt.heap.alloc(&mut thread.heap, size, align)?;
        begin(rt, thread, &allocation.block, pc);
        Some(allocation)
    });
    let allocation = match allocated {
        Some(allocation) => allocation,
        // The thread is inside the runtime or has ended: a block without an owner.
        None => RUNTIME.get().and_then(|rt| rt.heap.alloc(&mut rt.ownerless.lock(), size, align)),
    };
    let Some(allocation) = allocation else {
        set_errno(libc::ENOMEM);
        return core::ptr::null_mut();
    };
    let pointer = allocation.ptr().as_ptr();
    if zeroed && !allocation.fresh_zero {
        // SAFETY: the block has at least `size` bytes and is nobody else's.
        unsafe { real::memset(pointer, 0, size) };
    }
    pointer
}

fn begin(rt: &Runtime, thread: &mut ThreadState, block: &BlockRef, pc: u64) {
    let ctx = thread.context(&rt.engine.contexts, pc);
    let epoch = rt.engine.origin_epoch(&mut thread.engine);
    set_origin(block.meta(), OriginKind::Allocated, epoch, ctx, thread.info.id.0);
}

/// Ends the life of a block for the engine.
fn end(rt: &Runtime, thread: &mut ThreadState, block: &BlockRef, pc: u64) {
    let ctx = thread.context(&rt.engine.contexts, pc);
    let epoch = rt.engine.origin_epoch(&mut thread.engine);
    let born = origin_of(block.meta());
    set_origin(block.meta(), OriginKind::Freed, epoch, ctx, thread.info.id.0);
    let (start, size) = (block.start().as_ptr() as u64, block.requested() as u64);
    rt.engine.retire(&mut thread.engine, start, size, AccessKind::Free, born, ctx);
}

/// Frees a block.
fn release(pointer: *mut u8, pc: u64) {
    if pointer.is_null() {
        return;
    }
    let freed = enter(|rt, thread| {
        let block = rt.heap.retire(pointer)?;
        end(rt, thread, &block, pc);
        // SAFETY: the block was retired a line above.
        unsafe { rt.heap.recycle(&mut thread.heap, block) };
        Ok(())
    });
    let freed = freed.or_else(|| RUNTIME.get().map(|rt| rt.heap.free(&mut rt.ownerless.lock(), pointer)));
    if let Some(Err(error)) = freed {
        startup::abort(format_args!("free({pointer:p}): {error}"));
    }
}

fn heap() -> Option<&'static Heap> {
    RUNTIME.get().map(|rt| rt.heap)
}

pub(super) fn set_errno(value: c_int) {
    unsafe extern "C" {
        fn __errno_location() -> *mut c_int;
    }
    if startup::libc_is_ready() {
        // SAFETY: libc's variable of the running thread.
        unsafe { *__errno_location() = value };
    }
}

intercept! {
    fn racecheck_intercept_malloc(size: usize; pc in "rsi") -> *mut u8 {
        allocate(size, LEAST_ALIGN, false, pc)
    }
}

intercept! {
    fn racecheck_intercept_calloc(count: usize, size: usize; pc in "rdx") -> *mut u8 {
        match count.checked_mul(size) {
            Some(size) => allocate(size, LEAST_ALIGN, true, pc),
            None => {
                set_errno(libc::ENOMEM);
                core::ptr::null_mut()
            }
        }
    }
}

intercept! {
    fn racecheck_intercept_free(pointer: *mut u8; pc in "rsi") {
        release(pointer, pc);
    }
}

intercept! {
    fn racecheck_intercept_cfree(pointer: *mut u8; pc in "rsi") {
        release(pointer, pc);
    }
}

fn live_block(heap: &Heap, pointer: *mut u8) -> Option<BlockRef> {
    heap.block_of(pointer as usize).filter(|block| block.start().as_ptr() == pointer && block.is_live())
}

/// # Safety
/// As C's `realloc`.
unsafe fn reallocate(pointer: *mut u8, size: usize, pc: u64) -> *mut u8 {
    if pointer.is_null() {
        return allocate(size, LEAST_ALIGN, false, pc);
    }
    if size == 0 {
        release(pointer, pc);
        return core::ptr::null_mut();
    }
    // Where the block suits the new size it stays, as the end of one life and the begin of another: whoever
    // still uses the old one races, as he would if it had moved.
    let stayed = enter(|rt, thread| {
        let block = live_block(rt.heap, pointer)?;
        let old_size = block.requested() as u64;
        if !rt.heap.resize_in_place(block, size) {
            return None;
        }
        let ctx = thread.context(&rt.engine.contexts, pc);
        let born = origin_of(block.meta());
        rt.engine.retire(&mut thread.engine, pointer as u64, old_size, AccessKind::Free, born, ctx);
        begin(rt, thread, &block, pc);
        // As if it had been copied: bytes without a history beside others with one would be slow for ever.
        rt.engine.write(&mut thread.engine, pointer as u64, old_size.min(size as u64), ctx);
        Some(())
    });
    if let Some(Some(())) = stayed {
        return pointer;
    }
    let Some(old_size) = heap().and_then(|heap| live_block(heap, pointer)).map(|block| block.requested())
    else {
        startup::abort(format_args!("realloc({pointer:p}): this is not the start of a block in use"));
    };
    let new = allocate(size, LEAST_ALIGN, false, pc);
    if !new.is_null() {
        // The copy reads the old block; its write is the new block's first.
        enter(|rt, thread| {
            let ctx = thread.context(&rt.engine.contexts, pc);
            let size = old_size.min(size) as u64;
            in_pieces(rt, thread, pointer as u64, size, |thread, address, size| {
                rt.engine.read(&mut thread.engine, address, size, ctx);
            });
            in_pieces(rt, thread, new as u64, size, |thread, address, size| {
                rt.engine.write(&mut thread.engine, address, size, ctx);
            });
        });
        // SAFETY: both blocks are at least that long and different.
        unsafe { real::memcpy(new, pointer, old_size.min(size)) };
        release(pointer, pc);
    }
    new
}

intercept! {
    fn racecheck_intercept_realloc(pointer: *mut u8, size: usize; pc in "rdx") -> *mut u8 {
        reallocate(pointer, size, pc)
    }
}

intercept! {
    fn racecheck_intercept_reallocarray(pointer: *mut u8, count: usize, size: usize; pc in "rcx") -> *mut u8 {
        match count.checked_mul(size) {
            Some(size) => reallocate(pointer, size, pc),
            None => {
                set_errno(libc::ENOMEM);
                core::ptr::null_mut()
            }
        }
    }
}

fn aligned(align: usize, size: usize, pc: u64) -> *mut u8 {
    if !align.is_power_of_two() {
        set_errno(libc::EINVAL);
        return core::ptr::null_mut();
    }
    allocate(size, align.max(LEAST_ALIGN), false, pc)
}

intercept! {
    fn racecheck_intercept_memalign(align: usize, size: usize; pc in "rdx") -> *mut u8 {
        aligned(align, size, pc)
    }
}

intercept! {
    fn racecheck_intercept_aligned_alloc(align: usize, size: usize; pc in "rdx") -> *mut u8 {
        aligned(align, size, pc)
    }
}

intercept! {
    fn racecheck_intercept_posix_memalign(result: *mut *mut u8, align: usize, size: usize; pc in "rcx") -> c_int {
        if !align.is_power_of_two() || !align.is_multiple_of(size_of::<*mut c_void>()) {
            return libc::EINVAL;
        }
        let block = allocate(size, align.max(LEAST_ALIGN), false, pc);
        if block.is_null() {
            return libc::ENOMEM;
        }
        *result = block;
        0
    }
}

intercept! {
    fn racecheck_intercept_valloc(size: usize; pc in "rsi") -> *mut u8 {
        allocate(size, PAGE_SIZE, false, pc)
    }
}

intercept! {
    fn racecheck_intercept_pvalloc(size: usize; pc in "rsi") -> *mut u8 {
        allocate(size.max(1).next_multiple_of(PAGE_SIZE), PAGE_SIZE, false, pc)
    }
}

intercept! {
    fn racecheck_intercept_malloc_usable_size(pointer: *mut u8; _pc in "rsi") -> usize {
        heap().and_then(|heap| heap.usable_size(pointer)).unwrap_or(0)
    }
}
