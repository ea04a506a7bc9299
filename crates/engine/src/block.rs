//! Blocks: allocation, free, and memory that changes hands without either.
//!
//! A fresh block is ordered after nothing but its allocation; the free of a block is a write of all of it.
//! Neither is written into the shadow: a block's shadow is empty while nobody touched it, and then its
//! [`Origin`](crate::memory::Origin), which the surroundings keep once for the whole block, stands in. So
//! allocation costs nothing for each byte, and free looks only at what was touched.

use core::sync::atomic::{AtomicU64, Ordering, fence};

use crate::context::Ctx;
use crate::engine::{Access, Engine};
use crate::memory::{Granule, Memory, Origin};
use crate::race::{AccessKind, Side};
use crate::record::{Record, Segment};
use crate::thread::Thread;
use crate::word::{self, Mask, Word};

impl<M: Memory> Engine<M> {
    /// The granules of `address .. address + size` end their life: checks that nobody's access is unordered
    /// with it, and empties their shadow. `kind` says how.
    ///
    /// The surroundings must have changed the block's origin *before* this call, so that whoever touches the
    /// block during it is found either here or by looking at the origin. `born` is the origin that it had: who
    /// frees a block must know of its allocation, also if nobody touched it.
    pub fn retire(
        &self,
        thread: &mut Thread,
        address: u64,
        size: u64,
        kind: AccessKind,
        born: Option<Origin>,
        ctx: Ctx,
    ) {
        thread.stamped = true;
        thread.forget_atomics();
        // Orders the new origin before the loads of the words; taking a word's lock is the other side.
        fence(Ordering::SeqCst);
        let access = Access { address, size, kind, ctx, origin_known: Granule(0) };
        self.for_each_granule(address, size, &mut |granule, cell| {
            if cell.load(Ordering::Relaxed) != 0 {
                self.end_granule(thread, granule, cell, &access, Segment::EMPTY);
            }
        });
        if let Some(born) = born.filter(|o| o.epoch != thread.epoch && !self.ordered(thread, o.epoch)) {
            let previous = Side {
                kind: AccessKind::Alloc,
                address,
                size,
                thread: None,
                epoch: born.epoch,
                ctx: born.ctx,
            };
            self.found(thread, access.side(thread), previous, true);
        }
    }

    /// As [`Engine::retire`] for memory that has no origin to tell of its end, such as a thread's stack: what
    /// was touched counts as written now, at `ctx`, so that whoever touches it later must know of the end.
    pub fn bury(&self, thread: &mut Thread, address: u64, size: u64, ctx: Ctx) {
        thread.stamped = true;
        thread.forget_atomics();
        let kind = AccessKind::ThreadEnd;
        let access = Access { address, size, kind, ctx, origin_known: Granule(0) };
        let buried = Segment { mask: Mask::FULL, write: thread.epoch, write_ctx: ctx, ..Segment::EMPTY };
        self.for_each_granule(address, size, &mut |granule, cell| {
            if cell.load(Ordering::Relaxed) != 0 {
                self.end_granule(thread, granule, cell, &access, buried);
            }
        });
    }

    /// The shadow of the granules of `address .. address + size` is emptied without a look at it: memory
    /// that comes fresh from the operating system, or the stack of a new thread.
    pub fn reset(&self, address: u64, size: u64) {
        self.for_each_granule(address, size, &mut |_, cell| {
            if cell.load(Ordering::Relaxed) != 0 {
                let word = self.lock(cell);
                if word.record_address().is_some() {
                    self.count_reset();
                }
                // SAFETY: the lock is held, and the word is replaced in the next line.
                unsafe { Record::free(word) };
                word::unlock(cell, Word::EMPTY);
            }
        });
    }

    fn for_each_granule(&self, address: u64, size: u64, f: &mut dyn FnMut(Granule, &AtomicU64)) {
        if size > 0 {
            self.memory.for_each_word(Granule::of(address)..Granule::of(address + size - 1).next(), f);
        }
    }

    /// Checks the granule's history against its end, and leaves `then` in its place.
    fn end_granule(
        &self,
        thread: &mut Thread,
        granule: Granule,
        cell: &AtomicU64,
        access: &Access,
        then: Segment,
    ) {
        let word = self.lock(cell);
        if then.mask.is_empty() && word.is_mine_alone(thread.epoch()) {
            return word::unlock(cell, Word::EMPTY);
        }
        // SAFETY: the lock is held, and this is the only reference made under it.
        match unsafe { Record::of(word) } {
            None => {
                let contexts = self.memory.contexts(granule).load(Ordering::Relaxed);
                self.check_history(thread, granule, Segment::from_word(word, contexts), access);
            }
            Some(record) => {
                for &old in &record.segments {
                    self.check_history(thread, granule, old, access);
                }
                self.check_readers(thread, granule, Mask::FULL, access, record);
                for a in &record.atomics {
                    if a.epoch != thread.epoch && !self.ordered(thread, a.epoch) {
                        // Its thread may still be in that epoch, and remember the access.
                        self.count_reset();
                        let kind = if a.write { AccessKind::AtomicWrite } else { AccessKind::AtomicRead };
                        self.race_with(thread, granule, a.mask, access, kind, a.epoch, a.ctx);
                    }
                }
            }
        }
        // SAFETY: the lock is held, the reference above is gone, and the word is replaced in the next line.
        unsafe { Record::free(word) };
        if !then.mask.is_empty() {
            self.memory.contexts(granule).store(then.contexts(), Ordering::Relaxed);
        }
        word::unlock(cell, then.word());
    }

    fn check_history(&self, thread: &mut Thread, granule: Granule, old: Segment, access: &Access) {
        if !old.write.is_none() && old.write != thread.epoch && !self.ordered(thread, old.write) {
            self.race_with(thread, granule, old.mask, access, AccessKind::Write, old.write, old.write_ctx);
        }
        self.check_reads(thread, granule, old, access);
    }

    /// The origin that the thread gives to a block now, by allocating or freeing it: its epoch is in use.
    pub fn origin_epoch(&self, thread: &mut Thread) -> crate::epoch::Epoch {
        thread.stamped = true;
        thread.epoch
    }
}
