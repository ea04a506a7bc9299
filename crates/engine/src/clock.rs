//! Vector clocks, and what a release publishes.
//!
//! A clock has one 32-bit entry for each slot (see [`crate::slot`]); a missing entry is 0. Clocks are as
//! wide as the highest slot they have heard of, so that a program of four threads pays for four entries.
//!
//! # Covering
//! The engine keeps this invariant: whenever a thread's clock holds `slot @ c`, it also holds everything
//! that slot's thread knew when it published `c`. Clocks travel only whole, so it holds by construction. It
//! is what makes an acquire O(1) in the common case: if `slot @ c` is covered, the rest is too.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use smallvec::SmallVec;

use crate::slot::Slot;

/// A point in the life of a slot: the number of releases before it, counted from 1.
pub type Time = u32;

/// One entry for each slot: the last time of that slot that is ordered before the clock's owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VectorClock(Vec<Time>);

impl VectorClock {
    /// The clock that has heard of nobody.
    pub const fn new() -> Self {
        VectorClock(Vec::new())
    }

    /// The entry of `slot`; 0 if it was never heard of.
    #[inline]
    pub fn get(&self, slot: Slot) -> Time {
        self.0.get(slot.index()).copied().unwrap_or(0)
    }

    /// Sets the entry of `slot`.
    #[inline]
    pub fn set(&mut self, slot: Slot, time: Time) {
        let i = slot.index();
        if i >= self.0.len() {
            self.0.resize(i + 1, 0);
        }
        self.0[i] = time;
    }

    /// Takes the greater of both entries, slot by slot.
    pub fn join(&mut self, other: &[Time]) {
        if other.len() > self.0.len() {
            self.0.resize(other.len(), 0);
        }
        for (mine, &theirs) in self.0.iter_mut().zip(other) {
            *mine = (*mine).max(theirs);
        }
    }

    /// The entries, slot by slot.
    pub fn entries(&self) -> &[Time] {
        &self.0
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&[Time]> for VectorClock {
    fn from(entries: &[Time]) -> Self {
        VectorClock(entries.to_vec())
    }
}

/// What one thread published with one release: its own time, and the rest of what it knew then.
///
/// `base` is shared by all releases between which the thread learnt nothing new, so that a release costs a
/// reference count.
#[derive(Clone, Debug)]
pub struct Published {
    /// The slot of the thread that released.
    pub slot: Slot,
    /// Its own time at the release.
    pub time: Time,
    /// What it knew of the others.
    pub base: Arc<[Time]>,
}

/// A [`Published`] that is still the thread's own.
#[derive(Clone, Copy, Debug)]
pub struct Release<'a> {
    /// The slot of the thread that releases.
    pub slot: Slot,
    /// Its own time.
    pub time: Time,
    /// What it knows of the others.
    pub base: &'a Arc<[Time]>,
}

impl Release<'_> {
    /// A copy that lasts.
    pub fn to_published(self) -> Published {
        Published { slot: self.slot, time: self.time, base: self.base.clone() }
    }
}

impl Published {
    /// To be published again.
    pub fn as_release(&self) -> Release<'_> {
        Release { slot: self.slot, time: self.time, base: &self.base }
    }

    /// Becomes what `release` says. One who releases again and has learnt nothing meanwhile shares the base
    /// already, and then no reference count is touched.
    #[inline]
    fn set(&mut self, release: Release<'_>) {
        self.slot = release.slot;
        self.time = release.time;
        if !Arc::ptr_eq(&self.base, release.base) {
            self.base = release.base.clone();
        }
    }
}

/// The clock of a sync object: what one who acquires it learns.
///
/// Most objects hold what a single thread published last. Where several threads' releases add up (a release
/// sequence of read-modify-writes, the readers of a lock), up to [`MAX_PARTS`] are kept apart, since a part
/// that is covered is skipped in one compare; beyond that they melt into one vector clock.
#[derive(Clone, Debug, Default)]
pub struct SyncClock {
    parts: SmallVec<[Published; 1]>,
    rest: Option<Box<VectorClock>>,
}

/// How many published clocks a sync clock keeps apart before it melts them.
pub const MAX_PARTS: usize = 4;

impl SyncClock {
    /// The clock of an object that nobody released.
    pub const fn new() -> Self {
        SyncClock { parts: SmallVec::new_const(), rest: None }
    }

    /// True if an acquire would learn nothing.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.rest.is_none()
    }

    /// Forgets everything: what a store that is no release does to its location.
    pub fn clear(&mut self) {
        self.parts.clear();
        self.rest = None;
    }

    /// Holds nothing but `release` from now on: what a release store does.
    #[inline]
    pub fn replace(&mut self, release: Release<'_>) {
        self.rest = None;
        match &mut self.parts[..] {
            [only] => only.set(release),
            _ => {
                self.parts.clear();
                self.parts.push(release.to_published());
            }
        }
    }

    /// Adds `release` to what is held: what a release read-modify-write does.
    pub fn add(&mut self, release: Release<'_>) {
        if let Some(same) = self.parts.iter_mut().find(|p| p.slot == release.slot) {
            // Of one slot the later time covers the earlier one.
            if same.time <= release.time {
                same.set(release);
            }
            return;
        }
        if self.parts.len() == MAX_PARTS {
            self.melt();
        }
        self.parts.push(release.to_published());
    }

    /// Adds all that `other` holds.
    pub fn add_all(&mut self, other: &SyncClock) {
        for part in &other.parts {
            self.add(part.as_release());
        }
        if let Some(rest) = &other.rest {
            self.rest.get_or_insert_with(Box::default).join(rest.entries());
        }
    }

    /// Folds the parts into the plain vector clock.
    ///
    /// A part may be skipped when its slot's time is covered; the plain clock is always joined whole. So this
    /// is also how a part is kept true when its slot is given to a thread that is not ordered after it.
    pub fn melt(&mut self) {
        if self.parts.is_empty() {
            return;
        }
        let rest = self.rest.get_or_insert_with(Box::default);
        for part in self.parts.drain(..) {
            rest.join(&part.base);
            if rest.get(part.slot) < part.time {
                rest.set(part.slot, part.time);
            }
        }
    }

    /// Joins what is held into `clock`; true if `clock` changed (or may have).
    #[inline]
    pub fn acquire_into(&self, clock: &mut VectorClock) -> bool {
        let mut changed = false;
        for part in &self.parts {
            if clock.get(part.slot) < part.time {
                clock.join(&part.base);
                clock.set(part.slot, part.time);
                changed = true;
            }
        }
        if let Some(rest) = &self.rest {
            changed |= Self::join_rest(rest, clock);
        }
        changed
    }

    #[cold]
    fn join_rest(rest: &VectorClock, clock: &mut VectorClock) -> bool {
        let news =
            rest.entries().iter().enumerate().any(|(i, &t)| clock.entries().get(i).is_none_or(|&m| m < t));
        if news {
            clock.join(rest.entries());
        }
        news
    }

    /// True if a part is of a slot for which `is` holds.
    pub(crate) fn names(&self, is: impl Fn(Slot) -> bool) -> bool {
        self.parts.iter().any(|p| is(p.slot))
    }

    /// True if `clock` already holds all of it, judged by the parts' own times.
    #[inline]
    pub fn is_covered_by(&self, clock: &VectorClock) -> bool {
        self.parts.iter().all(|p| clock.get(p.slot) >= p.time)
            && self.rest.as_ref().is_none_or(|r| {
                r.is_empty() || r.entries().iter().enumerate().all(|(i, &t)| clock.get(Slot::new(i)) >= t)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(slot: usize, time: Time, base: &[Time]) -> Published {
        Published { slot: Slot::new(slot), time, base: base.into() }
    }

    #[test]
    fn join_takes_the_greater_entry_and_grows() {
        let mut a = VectorClock::from(&[1, 5][..]);
        a.join(&[3, 2, 7]);
        assert_eq!(a.entries(), &[3, 5, 7]);
    }

    #[test]
    fn covered_parts_are_skipped() {
        let mut clock = VectorClock::from(&[0, 4][..]);
        let mut s = SyncClock::new();
        s.replace(published(1, 4, &[9, 9]).as_release());
        assert!(!s.acquire_into(&mut clock));
        assert_eq!(clock.entries(), &[0, 4]);
    }

    #[test]
    fn melting_keeps_what_an_acquire_learns() {
        let mut s = SyncClock::new();
        for slot in 0..=MAX_PARTS {
            s.add(published(slot, 3, &[1, 1]).as_release());
        }
        let mut clock = VectorClock::new();
        assert!(s.acquire_into(&mut clock));
        assert_eq!(clock.entries(), &[3; MAX_PARTS + 1]);
        assert!(s.is_covered_by(&clock));
    }

    #[test]
    fn a_store_replaces_and_a_read_modify_write_adds() {
        let mut s = SyncClock::new();
        s.add(published(0, 1, &[]).as_release());
        s.add(published(1, 1, &[]).as_release());
        s.replace(published(2, 5, &[]).as_release());
        let mut clock = VectorClock::new();
        s.acquire_into(&mut clock);
        assert_eq!(clock.entries(), &[0, 0, 5]);
    }
}
