//! Slots: the columns of vector clocks, and who owns which.
//!
//! A thread needs a column of its own only as long as somebody could be unordered with it. A slot is
//! therefore a *chain* of threads, each ordered after the end of the one before it, and its time runs on
//! from one to the next: a thread that ended at time `t` may be followed by any thread whose creator already
//! covers `slot @ t` (it joined the ended thread, or heard of its end in another way). Then "ordered after
//! the new tenant" implies "ordered after the old one", and every clock stays exact. A program that starts
//! and joins threads one after the other uses two slots for ever.
//!
//! Threads whose end nobody heard of leave their slot waiting; a collection frees those of which
//! no trace is left (see [`crate::collect`]).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use crate::clock::{Published, Time, VectorClock};
use crate::epoch::Epoch;
use crate::thread::ThreadId;

/// The number of a slot: an index into vector clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u32);

impl Slot {
    /// The slot with this index.
    #[inline]
    pub const fn new(index: usize) -> Self {
        Slot(index as u32)
    }

    /// Its index into vector clocks.
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A slot that a thread was given, and where its time starts.
pub(crate) struct Lease {
    pub slot: Slot,
    /// The first time that belongs to the new tenant.
    pub time: Time,
    /// The epoch that names the last time of the tenant before, if its block has room left.
    pub last_epoch: Option<Epoch>,
}

#[derive(Debug)]
struct Column {
    /// Since which time which thread has it; ascending.
    tenants: Vec<(Time, ThreadId)>,
    /// Last time of the tenant that ended; meaningful while the slot waits.
    last_time: Time,
    /// Its epoch then; while the slot is let, one of the tenant's present block.
    last_epoch: Epoch,
    /// No clock and no shadow word holds an unordered trace of it: anybody may have it.
    clean: bool,
}

/// All slots, and the ends of threads that may still be joined.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    columns: Vec<Column>,
    /// Slots whose tenant ended.
    waiting: Vec<Slot>,
    ends: BTreeMap<ThreadId, Published>,
    /// Threads that run and that nobody will join.
    detached: BTreeSet<ThreadId>,
    next_thread: u32,
}

/// How many waiting slots are looked at before a new one is opened. The newest come first: they are the
/// likeliest to be covered by whoever creates a thread now.
const LOOK_AT: usize = 64;

impl Slots {
    pub(crate) const fn new() -> Self {
        Slots {
            columns: Vec::new(),
            waiting: Vec::new(),
            ends: BTreeMap::new(),
            detached: BTreeSet::new(),
            next_thread: 0,
        }
    }

    /// A slot for a new thread, whose creator knows `creator`. No slot is given away in which `last_time` has come.
    pub(crate) fn lease(&mut self, creator: &VectorClock, last_time: Time) -> (Lease, ThreadId) {
        let thread = ThreadId(self.next_thread);
        self.next_thread += 1;
        (self.lease_to(thread, creator, last_time), thread)
    }

    /// Another slot for `thread`, which knows `clock`; its times in the present one end with `end`.
    pub(crate) fn change(
        &mut self,
        thread: ThreadId,
        end: Published,
        clock: &VectorClock,
        last_time: Time,
    ) -> Lease {
        let column = &mut self.columns[end.slot.index()];
        column.last_time = end.time;
        column.last_epoch = Epoch::NONE;
        // It waits for ever: there is no time left in it for anybody.
        self.lease_to(thread, clock, last_time)
    }

    fn lease_to(&mut self, thread: ThreadId, creator: &VectorClock, last_time: Time) -> Lease {
        let fits = |s: &Slot| {
            let c = &self.columns[s.index()];
            c.last_time < last_time && (c.clean || creator.get(*s) >= c.last_time)
        };
        let oldest = self.waiting.len().saturating_sub(LOOK_AT);
        let found = self.waiting[oldest..].iter().rposition(fits).map(|i| oldest + i);
        let found = found.or_else(|| self.waiting[..oldest].iter().take(LOOK_AT).position(fits));
        let lease = match found {
            Some(at) => {
                let slot = self.waiting.remove(at);
                let column = &mut self.columns[slot.index()];
                column.clean = false;
                let last_epoch = (!column.last_epoch.is_none()).then_some(column.last_epoch);
                Lease { slot, time: column.last_time + 1, last_epoch }
            }
            None => {
                let slot = Slot::new(self.columns.len());
                self.columns.push(Column {
                    tenants: Vec::new(),
                    last_time: 0,
                    last_epoch: Epoch::NONE,
                    clean: false,
                });
                Lease { slot, time: 1, last_epoch: None }
            }
        };
        self.columns[lease.slot.index()].tenants.push((lease.time, thread));
        lease
    }

    /// The tenant of `end.slot` is done; `end` is what a joiner learns.
    pub(crate) fn vacate(&mut self, thread: ThreadId, end: Published, last_epoch: Epoch, joinable: bool) {
        let column = &mut self.columns[end.slot.index()];
        column.last_time = end.time;
        column.last_epoch = last_epoch;
        self.waiting.push(end.slot);
        if joinable && !self.detached.remove(&thread) {
            self.ends.insert(thread, end);
        }
    }

    /// Nobody will join `thread`, which runs or has ended.
    pub(crate) fn detach(&mut self, thread: ThreadId) {
        if self.ends.remove(&thread).is_none() {
            self.detached.insert(thread);
        }
    }

    /// What the joiner of `thread` learns. The end is forgotten with it: a thread is joined once.
    pub(crate) fn take_end(&mut self, thread: ThreadId) -> Option<Published> {
        self.ends.remove(&thread)
    }

    /// The thread that had `slot` at `time`.
    pub(crate) fn tenant(&self, slot: Slot, time: Time) -> Option<ThreadId> {
        let tenants = &self.columns.get(slot.index())?.tenants;
        let after = tenants.partition_point(|&(since, _)| since <= time);
        tenants.get(after.checked_sub(1)?).map(|&(_, thread)| thread)
    }

    /// For each slot, the last time of its last tenant that ended.
    pub(crate) fn last_times(&self) -> Vec<Time> {
        self.columns.iter().map(|c| c.last_time).collect()
    }

    /// The slots whose tenant ended and that nobody may take yet without having heard of that end.
    pub(crate) fn waiting(&self) -> &[Slot] {
        &self.waiting
    }

    /// The tenant of `slot` goes on in the block of `epoch`.
    pub(crate) fn set_block(&mut self, slot: Slot, epoch: Epoch) {
        self.columns[slot.index()].last_epoch = epoch;
    }

    /// Epochs of the blocks that tenants are in, and that the next tenants of waiting slots start from. They are kept
    /// here and not asked of the threads, since a thread exists before it runs.
    pub(crate) fn last_epochs(&self) -> impl Iterator<Item = Epoch> + '_ {
        self.columns.iter().map(|c| c.last_epoch)
    }

    /// Ends that may still be joined.
    pub(crate) fn ends(&self) -> impl Iterator<Item = &Published> {
        self.ends.values()
    }

    /// Marks a waiting slot as free for anybody.
    pub(crate) fn set_clean(&mut self, slot: Slot) {
        self.columns[slot.index()].clean = true;
    }

    /// How many slots there are: the width of the widest clock.
    pub(crate) fn width(&self) -> usize {
        self.columns.len()
    }
}
