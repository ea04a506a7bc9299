//! Shedding: giving up history so that the detector's memory stays below a ceiling.
//!
//! History is what is known of accesses, plain and atomic: what later accesses are checked against. What orders them
//! (clocks of threads, atomics and sync objects; slots; origins of blocks) is never given up: without history a race
//! is missed, without order one would be invented.
//!
//! # What goes first
//! History that is *spent* can be given up without missing anything: an access that is ordered before what every
//! running thread does from now on can be in no race any more, and a thread that is created later begins with what
//! its creator knows. So a first pass takes only what the pointwise minimum of all threads' clocks covers. Only if
//! that gave back too little, the next one takes what was there at the last shedding as well, and the last one
//! everything. Whatever was not spent when it went is counted in [`Stats::lost_history`](crate::Stats).
//!
//! What was done in the stack of a running thread tells [`Engine::bury`] where to say that the stack has ended, so
//! it is spent only with the thread.
//!
//! A thread that nobody announced (see [`Engine::foreign_thread_beside`]) is ordered after nothing: its races with
//! accesses that were spent before it came are missed.
//!
//! The unit is a page of shadow words, since that is what can be given back. A page goes whole or stays as it is; of
//! one that stays, what takes memory elsewhere goes: records, and words that name sets of readers.

use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

use crate::clock::{Time, VectorClock};
use crate::engine::Engine;
use crate::epoch::Epoch;
use crate::memory::{Granule, Memory};
use crate::record::Record;
use crate::thread::Thread;
use crate::word::{Reads, Word};

/// How much history a shedding takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// What no running thread can race with any more.
    Spent,
    /// That, and what was there when [`Engine::begin_age`] was called last.
    Aged,
    /// All of it.
    All,
}

/// What may go: history that one of the clocks covers.
struct Limits<'a> {
    spent: VectorClock,
    aged: VectorClock,
    all: bool,
    stacks: &'a [Range<Granule>],
}

/// What became of the pages so far.
#[derive(Default)]
struct Shed {
    /// Granules whose history was not spent.
    lost: u64,
    /// Atomic accesses are not recorded any more.
    forgot_atomics: bool,
}

impl<M: Memory> Engine<M> {
    /// Gives up history. To be followed by [`Engine::collect`], which takes back the numbers that it used. `stacks` are
    /// those of running threads that will be buried.
    ///
    /// # Safety
    /// No thread is inside the engine, except the caller; and `threads` are all threads that have run.
    pub unsafe fn shed(
        &self,
        threads: &mut dyn Iterator<Item = &mut Thread>,
        stacks: &[Range<Granule>],
        extent: Extent,
    ) {
        let aged = if extent == Extent::Aged { self.aged.lock().clone() } else { VectorClock::new() };
        let limits = Limits { spent: self.known_to_all(threads), aged, all: extent == Extent::All, stacks };
        let mut shed = Shed::default();
        self.memory.for_each_page(&mut |first, words| {
            // SAFETY: no other thread is inside the engine, so no word is locked and nobody holds a reference.
            unsafe { self.shed_page(first, words, &limits, &mut shed) }
        });
        if shed.forgot_atomics {
            // Threads may remember them.
            self.count_reset();
        }
        self.lost_history.fetch_add(shed.lost, Ordering::Relaxed);
    }

    /// What is there now is old for the next [`Extent::Aged`]. Same conditions as [`Engine::shed`].
    ///
    /// # Safety
    /// No thread is inside the engine, except the caller.
    pub unsafe fn begin_age(&self, threads: &mut dyn Iterator<Item = &mut Thread>) {
        let mut now = VectorClock::from(&self.slots.lock().last_times()[..]);
        for thread in threads {
            now.set(thread.slot, thread.clock.get(thread.slot));
            // What it does next is not old.
            thread.stamped = true;
            thread.release(self);
        }
        *self.aged.lock() = now;
    }

    /// What is ordered before everything that any thread will do.
    fn known_to_all(&self, threads: &mut dyn Iterator<Item = &mut Thread>) -> VectorClock {
        let mut count = 0;
        let mut known: Option<alloc::vec::Vec<Time>> = None;
        for thread in threads {
            count += 1;
            let clock = thread.clock.entries();
            match &mut known {
                None => known = Some(clock.to_vec()),
                Some(known) => {
                    known.truncate(clock.len());
                    known.iter_mut().zip(clock).for_each(|(least, &time)| *least = (*least).min(time));
                }
            }
        }
        // A thread that was created but has not begun is not among them; what it knows cannot be asked.
        match known {
            Some(known) if !self.has_more_threads_than(count) => VectorClock::from(&known[..]),
            _ => VectorClock::new(),
        }
    }

    /// True if the page is of no use any more.
    ///
    /// # Safety
    /// The caller has exclusive access to the words.
    unsafe fn shed_page(
        &self,
        first: Granule,
        words: &[AtomicU64],
        limits: &Limits,
        shed: &mut Shed,
    ) -> bool {
        let end = Granule(first.0 + words.len() as u64);
        let is_stack = limits.stacks.iter().any(|stack| first < stack.end && stack.start < end);
        if is_stack && !limits.all {
            return false;
        }
        let mut stays = false;
        let mut plain_lost = 0;
        for cell in words {
            let word = Word::from_bits(cell.load(Ordering::Relaxed));
            if word.is_empty() {
                continue;
            }
            // SAFETY: the caller's exclusive access stands for the lock.
            let Some(record) = (unsafe { Record::of(word) }) else {
                stays |= !self.word_may_go(word, limits);
                plain_lost += u64::from(is_stack || !self.word_is_spent(word, limits));
                continue;
            };
            if !record.locations.is_empty() || !self.record_may_go(record, |e| self.may_go(e, limits)) {
                stays = true;
                continue;
            }
            let is_spent = self.record_may_go(record, |e| self.is_spent(e, limits));
            shed.lost += u64::from(is_stack || !is_spent);
            shed.forgot_atomics |= !record.atomics.is_empty();
            // SAFETY: as above; the word is replaced in the next line.
            unsafe { Record::free(word) };
            cell.store(0, Ordering::Relaxed);
        }
        if !stays {
            shed.lost += plain_lost;
            return true;
        }
        for cell in words {
            let word = Word::from_bits(cell.load(Ordering::Relaxed));
            if word.record_address().is_none()
                && word.reads().set().is_some()
                && self.word_may_go(word, limits)
            {
                shed.lost += u64::from(is_stack || !self.word_is_spent(word, limits));
                cell.store(0, Ordering::Relaxed);
            }
        }
        false
    }

    fn word_may_go(&self, word: Word, limits: &Limits) -> bool {
        self.may_go(word.write(), limits) && self.reads_may_go(word.reads(), |e| self.may_go(e, limits))
    }

    fn word_is_spent(&self, word: Word, limits: &Limits) -> bool {
        self.is_spent(word.write(), limits) && self.reads_may_go(word.reads(), |e| self.is_spent(e, limits))
    }

    fn record_may_go(&self, record: &Record, may_go: impl Fn(Epoch) -> bool + Copy) -> bool {
        record.segments.iter().all(|s| may_go(s.write) && self.reads_may_go(s.reads, may_go))
            && record.atomics.iter().all(|a| may_go(a.epoch))
            && record.readers.iter().all(|r| may_go(r.epoch))
    }

    fn reads_may_go(&self, reads: Reads, may_go: impl Fn(Epoch) -> bool) -> bool {
        match (reads.epoch(), reads.set()) {
            (Some(epoch), _) => may_go(epoch),
            (_, Some(set)) => self.sets.members(set).iter().all(|read| may_go(read.epoch)),
            (None, None) => true,
        }
    }

    fn may_go(&self, epoch: Epoch, limits: &Limits) -> bool {
        limits.all || self.is_spent(epoch, limits) || self.is_covered(epoch, &limits.aged)
    }

    fn is_spent(&self, epoch: Epoch, limits: &Limits) -> bool {
        epoch.is_none() || self.is_covered(epoch, &limits.spent)
    }
}
