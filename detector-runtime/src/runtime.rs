//! The one context of the process: everything that threads share.

use racecheck_engine::Engine;
use racecheck_report::Options;

use crate::ceiling::Ceiling;
use crate::collector::Collector;
use crate::lock::{Once, SpinLock};
use crate::memory::heap::{Heap, HeapCache};
use crate::memory::region::Region;
use crate::report::Reporter;
use crate::shadow::Shadow;
use crate::sys::process::MemoryBarrier;
use crate::thread::Registry;

/// What threads share.
#[derive(Debug)]
pub struct Runtime {
    /// The detector.
    pub engine: Engine<Shadow>,
    /// The heap of the program.
    pub heap: &'static Heap,
    /// Blocks for allocations that no thread can be named for.
    pub ownerless: SpinLock<HeapCache>,
    /// Areas of threads (their shadow call stacks).
    pub areas: Region,
    /// The threads.
    pub registry: SpinLock<Registry>,
    /// What was found, and where it goes.
    pub reporter: Reporter,
    /// `RACECHECK_OPTIONS`.
    pub options: Options,
    /// For stopping the world; `None` where the kernel does not offer it.
    pub barrier: Option<MemoryBarrier>,
    /// When numbers are taken back.
    pub collector: Collector,
    /// The limit of the detector's own memory.
    pub ceiling: Ceiling,
}

/// Filled by [`crate::startup`].
pub(crate) static RUNTIME: Once<Runtime> = Once::new();

/// The context. To be called only by threads that were met, as those were met by the context.
#[inline(always)]
pub fn runtime() -> &'static Runtime {
    // SAFETY: a thread has a state only after the context was made (`startup::meet_thread` does both).
    unsafe { RUNTIME.get().unwrap_unchecked() }
}
