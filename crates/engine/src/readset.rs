//! Sets of concurrent readers.
//!
//! FastTrack gives a location that several threads read a vector clock of its own. Here such sets are
//! immutable and interned: all locations with the same readers name the same set, so that an array read by
//! four threads needs four sets (one for each stage of its growth) and no memory beyond the shadow word.
//! A set holds only reads that are unordered with each other: one that is ordered before a later read says
//! nothing that the later one does not (whoever races with the first races with the second as well).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use spin::Mutex;

use crate::context::Ctx;
use crate::epoch::{EPOCH_BITS, Epoch};

/// The number of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SetId(pub(crate) u32);

/// A read: when, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Read {
    /// The reader's epoch.
    pub epoch: Epoch,
    /// The context of the read (may be a split).
    pub ctx: Ctx,
}

const CHUNK: usize = 1 << 12;
/// The read part of a shadow word has 30 bits; the numbers below 2^24 are epochs.
const MAX_SETS: usize = (1 << 30) - (1 << EPOCH_BITS);
const CHUNKS: usize = 1 << 14;
const BUCKETS: usize = 1 << 17;

#[derive(Debug, Default)]
struct Entry {
    /// Points to the set's members, or is null while the number is free.
    members: AtomicPtr<Read>,
    /// How many they are. Written before the pointer and only while that is null.
    len: AtomicU32,
    next: AtomicU32,
}

impl Entry {
    /// The members; none while the number is free.
    #[inline]
    fn members(&self) -> &[Read] {
        let members = self.members.load(Ordering::Acquire);
        if members.is_null() {
            return &[];
        }
        // SAFETY: a published pointer comes from Box::into_raw of a slice of this length in `intern`, and is freed
        // only by `sweep`, whose caller has stopped all threads, and only for sets that no shadow word names.
        unsafe { core::slice::from_raw_parts(members, self.len.load(Ordering::Relaxed) as usize) }
    }

    fn fill(&self, members: &[Read]) {
        self.len.store(members.len() as u32, Ordering::Relaxed);
        self.members.store(Box::into_raw(Box::<[Read]>::from(members)).cast(), Ordering::Release);
    }

    /// # Safety
    /// Nobody uses the members any more.
    unsafe fn clear(&self) {
        let members = self.members.swap(core::ptr::null_mut(), Ordering::AcqRel);
        if !members.is_null() {
            let len = self.len.load(Ordering::Relaxed) as usize;
            // SAFETY: it came from Box::into_raw of a slice of this length in `fill`; the caller vouches for the rest.
            drop(unsafe { Box::from_raw(core::ptr::slice_from_raw_parts_mut(members, len)) });
        }
    }
}

/// All sets.
#[derive(Debug)]
pub struct ReadSets {
    chunks: Box<[spin::Once<Box<[Entry]>>]>,
    inner: Mutex<Inner>,
    live: AtomicU32,
}

#[derive(Debug)]
struct Inner {
    /// Heads of the buckets: set number + 1, 0 for none.
    buckets: Box<[u32]>,
    fresh: u32,
    free: Vec<u32>,
}

impl ReadSets {
    /// No sets.
    pub fn new() -> Self {
        ReadSets {
            chunks: (0..CHUNKS).map(|_| spin::Once::new()).collect(),
            inner: Mutex::new(Inner {
                buckets: alloc::vec![0; BUCKETS].into_boxed_slice(),
                fresh: 0,
                free: Vec::new(),
            }),
            live: AtomicU32::new(0),
        }
    }

    /// The members of `set`, ordered by epoch.
    #[inline]
    pub fn members(&self, set: SetId) -> &[Read] {
        self.entry(set).map_or(&[], Entry::members)
    }

    /// How many sets there are.
    pub fn live(&self) -> u32 {
        self.live.load(Ordering::Relaxed)
    }

    /// The number of the set with these members, in any order; `None` if there is no number left.
    pub(crate) fn intern(&self, members: &mut [Read]) -> Option<SetId> {
        members.sort_unstable();
        let bucket = bucket_of(members);
        let mut inner = self.inner.lock();
        let mut at = inner.buckets[bucket];
        while let Some(id) = at.checked_sub(1) {
            if self.members(SetId(id)) == members {
                return Some(SetId(id));
            }
            at = self.entry(SetId(id))?.next.load(Ordering::Relaxed);
        }
        let id = match inner.free.pop() {
            Some(id) => id,
            None if (inner.fresh as usize) < MAX_SETS.min(CHUNK * CHUNKS) => {
                inner.fresh += 1;
                inner.fresh - 1
            }
            None => return None,
        };
        self.chunks[id as usize / CHUNK].call_once(|| (0..CHUNK).map(|_| Entry::default()).collect());
        let entry = self.entry(SetId(id))?;
        entry.next.store(inner.buckets[bucket], Ordering::Relaxed);
        entry.fill(members);
        inner.buckets[bucket] = id + 1;
        self.live.fetch_add(1, Ordering::Relaxed);
        Some(SetId(id))
    }

    /// Frees all sets for which `in_use` is false.
    ///
    /// # Safety
    /// No other thread may be inside the engine, and no shadow word or cache may name a set that is not in use.
    pub(crate) unsafe fn sweep(&self, in_use: impl Fn(SetId) -> bool) {
        let mut inner = self.inner.lock();
        inner.buckets.fill(0);
        inner.free.clear();
        let mut live = 0;
        for id in 0..inner.fresh {
            let Some(entry) = self.entry(SetId(id)) else { continue };
            if entry.members.load(Ordering::Relaxed).is_null() {
                inner.free.push(id);
            } else if in_use(SetId(id)) {
                let bucket = bucket_of(entry.members());
                entry.next.store(inner.buckets[bucket], Ordering::Relaxed);
                inner.buckets[bucket] = id + 1;
                live += 1;
            } else {
                // SAFETY: the caller vouches that nobody uses it.
                unsafe { entry.clear() };
                inner.free.push(id);
            }
        }
        self.live.store(live, Ordering::Relaxed);
    }

    /// One more than the highest number that was ever dealt out.
    pub(crate) fn bound(&self) -> usize {
        self.inner.lock().fresh as usize
    }

    #[inline]
    fn entry(&self, set: SetId) -> Option<&Entry> {
        let chunk = self.chunks.get(set.0 as usize / CHUNK)?.get()?;
        Some(&chunk[set.0 as usize % CHUNK])
    }
}

impl Default for ReadSets {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for ReadSets {
    fn drop(&mut self) {
        // SAFETY: `&mut self`: nobody else is here, and no word will be looked at with this table again.
        unsafe { self.sweep(|_| false) };
    }
}

fn bucket_of(members: &[Read]) -> usize {
    let hash = members.iter().fold(0u64, |h, r| {
        (h ^ u64::from(r.epoch.0) << 32 ^ u64::from(r.ctx.0))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(23)
    });
    (hash >> 40) as usize % BUCKETS
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(epoch: u32) -> Read {
        Read { epoch: Epoch(epoch), ctx: Ctx(epoch) }
    }

    #[test]
    fn equal_sets_have_one_number() {
        let sets = ReadSets::new();
        let a = sets.intern(&mut [read(2), read(1)]).unwrap();
        assert_eq!(sets.intern(&mut [read(1), read(2)]), Some(a));
        assert_ne!(sets.intern(&mut [read(1), read(3)]), Some(a));
        assert_eq!(sets.members(a), &[read(1), read(2)]);
    }

    #[test]
    fn swept_numbers_are_used_again_and_kept_ones_are_found() {
        let sets = ReadSets::new();
        let a = sets.intern(&mut [read(1), read(2)]).unwrap();
        let b = sets.intern(&mut [read(3), read(4)]).unwrap();
        // SAFETY: nobody else is here.
        unsafe { sets.sweep(|s| s == b) };
        assert_eq!(sets.live(), 1);
        assert_eq!(sets.intern(&mut [read(3), read(4)]), Some(b));
        assert_eq!(sets.intern(&mut [read(5), read(6)]), Some(a));
    }
}
