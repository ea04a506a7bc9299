//! Taking back numbers: epochs and read sets that no shadow word names any more.
//!
//! Both are numbers in shadow words, so what is in use can be read off the shadow. A collection walks it
//! once, with all threads stopped, and returns the rest. It changes no verdict.

use alloc::boxed::Box;
use alloc::vec;
use core::sync::atomic::Ordering;

use crate::engine::Engine;
use crate::epoch::{BlockMarks, Epoch};
use crate::memory::Memory;
use crate::readset::SetId;
use crate::record::Record;
use crate::slot::Slot;
use crate::thread::Thread;
use crate::word::{Reads, Word};

/// Every so many read sets it is looked whether a collection is due.
pub(crate) const LOOK_EVERY_SETS: u32 = 1 << 14;
/// A collection is due when fewer than this share of epoch blocks can be dealt out.
pub(crate) const DUE_PERCENT: u32 = 25;
/// ... or when there are this many read sets (and twice what the last collection left).
const DUE_SETS: u32 = 1 << 18;
/// ... or this many slots whose tenants ended unheard of.
pub(crate) const DUE_WAITING: usize = 256;

/// What a collection needs to know about the one before it.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    sets_left: u32,
    percent_left: u32,
    waiting_left: usize,
}

impl Default for Due {
    /// Nothing was collected yet.
    fn default() -> Self {
        Due { sets_left: 0, percent_left: 100, waiting_left: 0 }
    }
}

struct Marks {
    blocks: BlockMarks,
    sets: Box<[u64]>,
    /// Slots of which an epoch is in use.
    slots: Box<[bool]>,
}

impl<M: Memory> Engine<M> {
    /// True if [`Engine::collection_due`] may be: cheap enough to be asked after every call.
    #[inline]
    pub fn collection_wanted(&self) -> bool {
        self.collection_wanted.load(Ordering::Relaxed)
    }

    /// Called where numbers are dealt out, and where memory runs short.
    pub fn want_collection(&self) {
        self.collection_wanted.store(true, Ordering::Relaxed);
    }

    /// True if [`Engine::collect`] should be called. `last` is what the last one returned.
    pub fn collection_due(&self, last: &Due) -> bool {
        self.collection_wanted.store(false, Ordering::Relaxed);
        // If little came back the last time, the next one waits until half of that is gone.
        self.epochs.percent_left() < DUE_PERCENT.min(last.percent_left / 2).max(1)
            || self.sets.live() > DUE_SETS.max(last.sets_left.saturating_mul(2))
            || self.slots.lock().waiting().len() > DUE_WAITING.max(last.waiting_left.saturating_mul(2))
    }

    /// Takes back what is not in use.
    ///
    /// # Safety
    /// No thread is inside the engine, except the caller; and `threads` are all threads that have run.
    pub unsafe fn collect(&self, threads: &mut dyn Iterator<Item = &mut Thread>) -> Due {
        self.collections.fetch_add(1, Ordering::Relaxed);
        let mut slots = self.slots.lock();
        let mut marks = Marks {
            blocks: self.epochs.marks(),
            sets: vec![0; self.sets.bound() / 64 + 1].into_boxed_slice(),
            slots: vec![false; slots.width()].into_boxed_slice(),
        };
        let waiting: Box<[bool]> = {
            let mut w = vec![false; slots.width()].into_boxed_slice();
            slots.waiting().iter().for_each(|s| w[s.index()] = true);
            w
        };
        self.memory.for_each_word_everywhere(&mut |_, cell| {
            // SAFETY: no other thread is inside the engine, so no word is locked and nobody holds a reference.
            unsafe { self.mark_word(Word::from_bits(cell.load(Ordering::Relaxed)), &mut marks, &waiting) };
        });
        self.memory.for_each_origin(&mut |epoch| self.mark_epoch(epoch, &mut marks));
        for thread in threads {
            self.mark_epoch(thread.epoch, &mut marks);
            thread.flush_caches();
            thread.pending.melt();
        }
        self.seq_cst.lock().melt();
        for end in slots.ends() {
            marks.slots[end.slot.index()] = true;
        }
        for epoch in slots.last_epochs() {
            if !epoch.is_none() {
                marks.blocks.mark(epoch);
            }
        }
        let clean: alloc::vec::Vec<Slot> =
            slots.waiting().iter().copied().filter(|s| !marks.slots[s.index()]).collect();
        for &slot in &clean {
            slots.set_clean(slot);
        }
        let waiting_left = slots.waiting().len() - clean.len();
        drop(slots);
        self.epochs.sweep(&marks.blocks);
        // SAFETY: no other thread is inside the engine, and all words and caches were looked at or flushed.
        unsafe { self.sets.sweep(|s| marks.sets[s.0 as usize / 64] & 1 << (s.0 % 64) != 0) };
        Due { sets_left: self.sets.live(), percent_left: self.epochs.percent_left(), waiting_left }
    }

    /// Marks what `word` names, and melts the parts of sync clocks that name a waiting slot.
    ///
    /// # Safety
    /// The caller has exclusive access to the word.
    unsafe fn mark_word(&self, word: Word, marks: &mut Marks, waiting: &[bool]) {
        // SAFETY: the caller's exclusive access stands for the lock.
        let Some(record) = (unsafe { Record::of(word) }) else {
            self.mark_epoch(word.write(), marks);
            return self.mark_reads(word.reads(), marks);
        };
        for s in &record.segments {
            self.mark_epoch(s.write, marks);
            self.mark_reads(s.reads, marks);
        }
        for a in &record.atomics {
            self.mark_epoch(a.epoch, marks);
        }
        for r in &record.readers {
            self.mark_epoch(r.epoch, marks);
        }
        for location in &mut record.locations {
            if location.clock.names(|slot| waiting.get(slot.index()).copied().unwrap_or(false)) {
                location.clock.melt();
            }
        }
    }

    fn mark_epoch(&self, epoch: Epoch, marks: &mut Marks) {
        if !epoch.is_none() {
            marks.blocks.mark(epoch);
            let (slot, _) = self.epochs.resolve(epoch);
            if let Some(used) = marks.slots.get_mut(slot.index()) {
                *used = true;
            }
        }
    }

    fn mark_reads(&self, reads: Reads, marks: &mut Marks) {
        if let Some(epoch) = reads.epoch() {
            self.mark_epoch(epoch, marks);
        } else if let Some(set @ SetId(id)) = reads.set() {
            let (word, bit) = (id as usize / 64, 1 << (id % 64));
            if marks.sets[word] & bit == 0 {
                marks.sets[word] |= bit;
                for read in self.sets.members(set) {
                    self.mark_epoch(read.epoch, marks);
                }
            }
        }
    }
}
