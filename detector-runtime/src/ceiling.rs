//! The ceiling of the detector's own memory: `memory_limit_mb`.
//!
//! [`GAUGE`] counts what shadow and tables take. When it reaches its mark, the next thread that leaves the gate stops the
//! world and lets the engine shed history, in three passes of which each takes more: what no thread can race with any
//! more, what was there the last time, all (see [`racecheck_engine::shed`]). It goes on to the next pass only while more
//! than [`GOAL_PERCENT`] of the limit is taken, so that there is room until the next time.
//!
//! What orders accesses always stays. If that alone is too much, the limit cannot be kept: this is said, once, and the
//! next attempt comes only after some growth.

use alloc::vec::Vec;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use racecheck_engine::collect::Due;
use racecheck_engine::{Extent, Granule, Thread};
use racecheck_report::Options;

use crate::collector;
use crate::gate::{Stopped, stop_the_world};
use crate::memory::gauge::GAUGE;
use crate::runtime::{RUNTIME, Runtime};
use crate::startup;
use crate::sys::process;
use crate::thread::ThreadState;

/// So much of the limit may be taken after history was shed.
const GOAL_PERCENT: u64 = 60;
/// The next attempt comes at the limit, or after what was left has grown by this part.
const STEP_PERCENT: u64 = 10;
/// How often it is waited for a thread that was created and has not begun: until then nobody knows what it knows.
const PATIENCE: usize = 200;

/// With a limit, longer accesses are told to the engine in pieces, so that history can be shed in between.
const PIECE: u64 = 1 << 20;
/// So much of the limit may be calling contexts. They cannot be shed: more are lost, and that is told.
const CONTEXTS_PERCENT: u64 = 25;

/// The limit, and what became of it.
#[derive(Debug)]
pub struct Ceiling {
    /// In bytes; `None` if there is none.
    limit: Option<u64>,
    /// The most that was left when nothing more could be given up; 0 if the limit was kept.
    exceeded: AtomicU64,
    told: AtomicBool,
}

impl Ceiling {
    /// The one that the options ask for.
    pub fn new(options: &Options) -> Self {
        let limit = (options.memory_limit_mb > 0).then_some(options.memory_limit_mb << 20);
        if let Some(limit) = limit {
            GAUGE.set_mark(limit);
        }
        Ceiling { limit, exceeded: AtomicU64::new(0), told: AtomicBool::new(false) }
    }

    /// The most bytes that calling contexts may take.
    pub fn for_contexts(&self) -> Option<u64> {
        self.limit.map(|limit| limit / 100 * CONTEXTS_PERCENT)
    }

    /// The limit in bytes.
    pub fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// What could not be given up, if it was more than the limit.
    pub fn exceeded(&self) -> Option<u64> {
        Some(self.exceeded.load(Ordering::Relaxed)).filter(|&bytes| bytes > 0)
    }
}

/// Tells the engine of an access of the running thread by `tell`, which is given an address and a size. The caller is
/// inside the runtime, in no call of the engine, and holds no lock.
#[inline]
pub fn in_pieces(
    runtime: &Runtime,
    thread: &mut ThreadState,
    address: u64,
    size: u64,
    mut tell: impl FnMut(&mut ThreadState, u64, u64),
) {
    if size <= PIECE || runtime.ceiling.limit.is_none() {
        return tell(thread, address, size);
    }
    let end = address + size;
    for piece in (address..end).step_by(PIECE as usize) {
        tell(thread, piece, PIECE.min(end - piece));
        if runtime.engine.collection_wanted() {
            collector::collect_if_due(runtime, thread);
        }
    }
}

/// The mark was reached where nobody can wait: whoever leaves the gate next will look.
#[cold]
pub fn reached() {
    if let Some(runtime) = RUNTIME.get() {
        runtime.engine.want_collection();
    }
}

/// Sheds history if it is time to. The caller is inside the runtime, in no call of the engine, and holds no lock.
/// Answers what the last collection left, if there was one.
#[cold]
pub fn keep(runtime: &Runtime, thread: &mut ThreadState) -> Option<Due> {
    let limit = runtime.ceiling.limit.filter(|_| GAUGE.is_due())?;
    let world = stop(runtime, thread);
    if !GAUGE.is_due() {
        // Somebody else was faster.
        return None;
    }
    let stacks = stacks(&world);
    let mut due = Due::default();
    for extent in [Extent::Spent, Extent::Aged, Extent::All] {
        // SAFETY: the world is stopped, the caller is in no call of the engine, and these are all threads.
        unsafe {
            runtime.engine.shed(&mut threads(&world), &stacks, extent);
            due = runtime.engine.collect(&mut threads(&world));
        }
        trim();
        if GAUGE.bytes() <= limit / 100 * GOAL_PERCENT {
            break;
        }
    }
    // SAFETY: as above.
    unsafe { runtime.engine.begin_age(&mut threads(&world)) };
    // Epochs have changed, and numbers of read sets may stand for other sets: no fast path may know them any more.
    // SAFETY: the states are alive, and their threads wait outside.
    world.threads().iter().for_each(|&t| unsafe { (*t).refresh_keys() });
    drop(world);
    let left = GAUGE.bytes();
    GAUGE.set_mark(limit.max(left + left / 100 * STEP_PERCENT));
    if left > limit {
        complain(&runtime.ceiling, limit, left);
    }
    Some(due)
}

/// Stops the world, if possible at a time when no thread has been created that has not begun.
fn stop<'a>(runtime: &'a Runtime, thread: &mut ThreadState) -> Stopped<'a> {
    let mut tries = 0;
    loop {
        // SAFETY: it is the running thread's state.
        let world = unsafe { stop_the_world(runtime, thread) };
        if tries == PATIENCE || !runtime.engine.has_more_threads_than(world.threads().len()) {
            return world;
        }
        drop(world);
        process::yield_now();
        tries += 1;
    }
}

/// The detector's view of all threads that run.
fn threads<'a>(world: &'a Stopped) -> impl Iterator<Item = &'a mut Thread> {
    // SAFETY: the world is stopped: states in the registry are alive and their threads are not inside. The caller's own
    // state is among them and not used meanwhile.
    world.threads().iter().map(|&t| unsafe { &mut *(*t).engine })
}

/// The stacks of running threads, whose ends will be told to the engine.
fn stacks(world: &Stopped) -> Vec<Range<Granule>> {
    let stack = |&t: &*mut ThreadState| {
        // SAFETY: states in the registry are alive while the world is stopped.
        let [start, end] = unsafe { &(*t).info.stack }.each_ref().map(|at| at.load(Ordering::Relaxed));
        Granule::of(start)..Granule::of(end)
    };
    world.threads().iter().map(stack).filter(|stack| !stack.is_empty()).collect()
}

/// Gives back what the tables do not use any more.
fn trim() {
    #[cfg(feature = "packed")]
    crate::packed::ALLOCATOR.trim();
}

fn complain(ceiling: &Ceiling, limit: u64, left: u64) {
    ceiling.exceeded.fetch_max(left, Ordering::Relaxed);
    if !ceiling.told.swap(true, Ordering::Relaxed) {
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        startup::complain(format_args!(
            "memory_limit_mb={}: the detector needs {} MiB for what it cannot give up (locks and atomics, threads, \
             calling contexts), so it goes on above the limit",
            limit >> 20,
            mib(left),
        ));
    }
}
