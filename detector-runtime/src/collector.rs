//! When the engine's numbers are taken back: looked at on the way out of the gate, where the engine wants it.

use racecheck_engine::collect::Due;

use crate::ceiling;
use crate::gate::stop_the_world;
use crate::lock::SpinLock;
use crate::runtime::Runtime;
use crate::thread::ThreadState;

/// When the last collection was and what it left.
#[derive(Debug)]
pub struct Collector {
    last: SpinLock<Due>,
}

impl Collector {
    /// Nothing was collected yet.
    pub fn new() -> Self {
        Collector { last: SpinLock::new(Due::default()) }
    }
}

impl Default for Collector {
    fn default() -> Self {
        Self::new()
    }
}

/// Collects if it is due, and sheds history if memory runs short. The caller is inside the runtime, in no call of the
/// engine, and holds no lock.
#[cold]
pub fn collect_if_due(runtime: &Runtime, thread: &mut ThreadState) {
    let Some(last) = runtime.collector.last.try_lock().map(|last| *last) else { return };
    let is_due = runtime.engine.collection_due(&last);
    if let Some(due) = ceiling::keep(runtime, thread) {
        *runtime.collector.last.lock() = due;
        return;
    }
    if !is_due {
        return;
    }
    let due = collect(runtime, thread);
    *runtime.collector.last.lock() = due;
}

/// Collects. The caller is inside the runtime and in no call of the engine.
pub fn collect(runtime: &Runtime, thread: &mut ThreadState) -> Due {
    // SAFETY: it is the running thread's state.
    let world = unsafe { stop_the_world(runtime, thread) };
    // SAFETY: the world is stopped: states in the registry are alive and their threads are not inside. The
    // caller's own state is among them and not used meanwhile.
    let mut threads = world.threads().iter().map(|&t| unsafe { &mut *(*t).engine });
    // SAFETY: the world is stopped, the caller is in no call of the engine, and these are all threads.
    let due = unsafe { runtime.engine.collect(&mut threads) };
    // A read set's number may stand for another set now: no fast path may know it any more.
    // SAFETY: as above.
    world.threads().iter().for_each(|&t| unsafe { (*t).refresh_keys() });
    due
}
