//! How the runtime comes to life, and how it meets threads.
//!
//! Whoever comes first starts it: the dynamic linker's first `malloc`, or the entry in `.preinit_array`,
//! which runs before any constructor of the program and its libraries. Until libc has been set up itself,
//! nothing here may call it.

use core::fmt::Write;
use core::sync::atomic::{AtomicBool, Ordering};

use racecheck_engine::{Ctx, Engine};
use racecheck_report::Options;

use crate::calls::CallStack;
use crate::ceiling::Ceiling;
use crate::collector::Collector;
use crate::environment::Environment;
use crate::gate::stop_the_world;
use crate::intercept;
use crate::local::local;
use crate::lock::SpinLock;
use crate::memory::heap::{Heap, HeapCache};
use crate::memory::region::Region;
use crate::note;
use crate::report::Reporter;
use crate::runtime::{RUNTIME, Runtime};
use crate::shadow::{Shadow, ShadowError};
use crate::sys::file::Descriptor;
use crate::sys::memory::Placement;
use crate::sys::process::{self, MemoryBarrier, Resource};
use crate::thread::{Registry, ThreadInfo, ThreadState};

/// Address space for the areas of threads: 16 GB for each of 64 threads, or 16 MB for each of 65,536.
const AREAS: usize = 1 << 40;

/// libc's own set-up is done: its functions may be called.
static LIBC_IS_READY: AtomicBool = AtomicBool::new(false);

/// True once libc's functions may be called.
#[inline]
pub fn libc_is_ready() -> bool {
    LIBC_IS_READY.load(Ordering::Relaxed)
}

/// Marks an executable as instrumented: the command line looks for this symbol. Its value is the version of
/// what runtime and command line agreed on.
#[unsafe(no_mangle)]
pub static racecheck_rt_version: u32 = 1;

/// Called by the constructor of every instrumented module.
#[unsafe(naked)]
#[unsafe(no_mangle)]
extern "C" fn __tsan_init() {
    extern "C" fn init(pc: u64) {
        crate::gate::enter(|_, _| ());
        note::instrumented(pc);
        if libc_is_ready() {
            intercept::dynamic::loaded(pc);
        }
    }
    core::arch::naked_asm!("mov rdi, qword ptr [rsp]", "jmp {init}", init = sym init)
}

/// Runs before all constructors. (Not in this crate's own tests, which set up what they need.)
#[cfg(feature = "packed")]
#[used]
#[unsafe(link_section = ".preinit_array")]
static PREINIT: extern "C" fn() = preinit;

#[cfg_attr(not(feature = "packed"), expect(dead_code, reason = "only the real runtime starts by itself"))]
extern "C" fn preinit() {
    LIBC_IS_READY.store(true, Ordering::Relaxed);
    crate::gate::enter(|_, _| ());
    intercept::look_up();
    intercept::process::install_exit();
    intercept::process::install_fork();
    intercept::thread::expect_end();
}

fn context() -> &'static Runtime {
    static HEAP: Heap = Heap::new();
    RUNTIME.get_or_init(|| {
        if let Err(error) = HEAP.init(Placement::Anywhere) {
            die_with(format_args!("{error}"));
        }
        let shadow = match Shadow::map(&HEAP) {
            Ok(shadow) => shadow,
            Err(ShadowError::Words(error) | ShadowError::Directory(error)) => die_with(format_args!(
                "cannot reserve address space for the shadow memory: {error:?}. It needs 64 TB of addresses \
                 (not of memory): `ulimit -v` should say \"unlimited\", and /proc/sys/vm/overcommit_memory \
                 must not be 2"
            )),
        };
        let areas = match Region::reserve(Placement::Anywhere, AREAS) {
            Ok(areas) => areas,
            Err(error) => die_with(format_args!("cannot reserve address space for threads: {error:?}")),
        };
        let environment = Environment::read();
        let options = options(&environment);
        let ceiling = Ceiling::new(&options);
        let mut engine = Engine::new(shadow);
        if let Some(bytes) = ceiling.for_contexts() {
            engine.contexts.set_most(bytes);
        }
        Runtime {
            engine,
            heap: &HEAP,
            ownerless: SpinLock::new(HeapCache::new()),
            areas,
            registry: SpinLock::new(Registry::new()),
            reporter: Reporter::new(&options, &environment),
            ceiling,
            options,
            barrier: MemoryBarrier::register().ok(),
            collector: Collector::new(),
        }
    })
}

fn options(environment: &Environment) -> Options {
    let text = environment.variable("RACECHECK_OPTIONS").unwrap_or_default();
    match Options::parse(&text) {
        Ok(options) => options,
        Err(error) => {
            complain(format_args!("RACECHECK_OPTIONS: {error}"));
            process::exit(2)
        }
    }
}

/// The running thread is new: the main thread, or one that was not created through `pthread_create`.
/// `None` while the runtime is being started by this very thread.
#[cold]
pub fn meet_thread() -> Option<*mut ThreadState> {
    static STARTING: AtomicBool = AtomicBool::new(false);
    let first = RUNTIME.get().is_none();
    if first && STARTING.swap(true, Ordering::Relaxed) {
        return None;
    }
    let runtime = context();
    let main = process::thread_id().0 == process::process_id().0;
    let engine = match first {
        true => runtime.engine.main_thread(),
        false => {
            // The engine may count on its only thread being the only one, so that one must be outside meanwhile.
            // SAFETY: this thread has no state yet and is not inside; the others' states are alive and their threads
            // wait outside, while the world is stopped.
            unsafe {
                let world = stop_the_world(runtime, core::ptr::null_mut());
                let mut others = world.threads().iter().map(|&t| &mut *(*t).engine);
                let engine = runtime.engine.foreign_thread_beside(&mut others);
                world.threads().iter().for_each(|&t| (*t).refresh_keys());
                drop(world);
                engine
            }
        }
    };
    let info = ThreadInfo::new(engine.id(), None, Ctx::UNKNOWN);
    let info = runtime.registry.lock().keep(info);
    let stack_size = if main { main_stack_size() } else { 0 };
    Some(install(runtime, engine, info, stack_size))
}

/// Enough for what the main thread's stack may grow to; a limit that is changed later is not followed.
fn main_stack_size() -> usize {
    const UNLIMITED: usize = 256 << 20;
    process::limit(Resource::Stack).map_or(0, |limit| (limit.soft as usize).min(UNLIMITED))
}

/// Makes `engine` the running thread's state.
pub fn install(
    runtime: &'static Runtime,
    engine: alloc::boxed::Box<racecheck_engine::Thread>,
    info: &'static ThreadInfo,
    stack_size: usize,
) -> *mut ThreadState {
    let state = alloc::boxed::Box::into_raw(alloc::boxed::Box::new(ThreadState {
        busy: AtomicBool::new(false),
        pending_signals: core::sync::atomic::AtomicU64::new(0),
        engine,
        calls: CallStack::install(&runtime.areas, stack_size),
        heap: HeapCache::new(),
        info,
        ignore: 0,
        looks_away: 0,
        jumps: intercept::jump::Depths::new(),
        block: local(),
    }));
    runtime.registry.lock().running.push(state);
    // SAFETY: the block is the running thread's own, and the state was made above.
    unsafe {
        (*state).refresh_keys();
        (*local()).state = state;
    }
    state
}

/// Says something on standard error, as the runtime and not as the program. Needs no memory but the stack's: it may
/// be that there is none.
pub fn complain(what: core::fmt::Arguments<'_>) {
    let mut line = Line { bytes: [0; 1024], len: 0 };
    let _ = writeln!(line, "racecheck: {what}");
    // Nobody is left to tell if this fails.
    let _ = Descriptor::STDERR.write_all(&line.bytes[..line.len]);
}

/// Text of a bounded length; what is too much is cut.
struct Line {
    bytes: [u8; 1024],
    len: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let room = &mut self.bytes[self.len..];
        let count = room.len().min(text.len());
        room[..count].copy_from_slice(&text.as_bytes()[..count]);
        self.len += count;
        Ok(())
    }
}

/// The runtime cannot go on; the program has not begun yet, or would go on unchecked.
#[cold]
pub fn die(what: &str) -> ! {
    die_with(format_args!("{what}"))
}

/// The program broke a rule of libc's, where libc aborts.
#[cold]
pub fn abort(what: core::fmt::Arguments<'_>) -> ! {
    complain(what);
    unsafe extern "C" {
        fn abort() -> !;
    }
    // SAFETY: libc's abort can be called from anywhere.
    unsafe { abort() }
}

#[cold]
fn die_with(what: core::fmt::Arguments<'_>) -> ! {
    complain(what);
    process::exit(2)
}
