//! Sync objects that are not atomics: mutexes, semaphores, barriers, descriptors, whatever hands on order.
//!
//! Such an object is an address. Its clocks live in the record of that address's granule, so that an object
//! whose memory is freed is gone with it.

use core::sync::atomic::Ordering;

use crate::atomic::expand;
use crate::clock::SyncClock;
use crate::engine::Engine;
use crate::memory::{Granule, Memory};
use crate::thread::Thread;
use crate::word::{self, Mask, Word};

/// Which of an object's clocks is meant. A plain mutex needs one; a reader-writer lock one for what writers
/// and one for what readers release; a barrier two, for rounds in turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Channel(u8);

impl Channel {
    /// The clock of atomics at that address; not to be used through this module.
    pub(crate) const ATOMIC: Channel = Channel(0);
    /// What the holder of a lock, or a writer, releases.
    pub const OWNER: Channel = Channel(1);
    /// What readers release.
    pub const READERS: Channel = Channel(2);

    /// The clock of a barrier's round: of two rounds that follow each other, the clocks differ.
    pub const fn round(round: u64) -> Channel {
        Channel(3 + (round & 1) as u8)
    }
}

impl<M: Memory> Engine<M> {
    /// What was released into the object is ordered before what the thread does from now on.
    pub fn acquire(&self, thread: &mut Thread, object: u64, channel: Channel) {
        self.with_clock(object, channel, |clock| thread.acquire(clock));
    }

    /// What the thread did so far is ordered before whoever acquires from now on, in addition to what was
    /// released before: a semaphore's post, a reader's unlock.
    pub fn release(&self, thread: &mut Thread, object: u64, channel: Channel) {
        let release = thread.release(self);
        self.with_clock(object, channel, |clock| clock.add(release));
    }

    /// As [`Engine::release`], by somebody who should have acquired what was released before, such as the holder of
    /// a mutex: then that need not be kept beside the new.
    pub fn release_owner(&self, thread: &mut Thread, object: u64, channel: Channel) {
        self.with_clock(object, channel, |clock| {
            let known = clock.is_covered_by(&thread.clock);
            let release = thread.release(self);
            if known { clock.replace(release) } else { clock.add(release) }
        });
    }

    /// What was released into the object is forgotten.
    pub fn forget(&self, object: u64, channel: Channel) {
        let cell = self.memory.word(Granule::of(object));
        if Word::from_bits(cell.load(Ordering::Relaxed)).record_address().is_some() {
            self.with_clock(object, channel, SyncClock::clear);
        }
    }

    fn with_clock(&self, object: u64, channel: Channel, f: impl FnOnce(&mut SyncClock)) {
        let granule = Granule::of(object);
        let cell = self.memory.word(granule);
        let mut word = self.lock(cell);
        let contexts = || self.contexts_for(granule).load(Ordering::Relaxed);
        // SAFETY: the lock is held, this is the only reference, and the word is stored at the unlock.
        let record = unsafe { expand(&mut word, contexts) };
        f(&mut record.location(Mask(1 << (object & 7)), channel).clock);
        let clocks = record.clocks();
        word::unlock(cell, word.with_clocks(clocks));
    }
}
