//! What all primitives of this crate stand on: the engine, the state of each thread, and the events.
//!
//! Each thread has a [`State`] with its engine thread. A thread that this crate creates gets it from its
//! creator; any other thread gets one at its first event and is then *foreign*: nobody knows who created
//! it and who will wait for its end. So that no false report arises, everything that any thread did so far
//! is ordered before a foreign thread's first event, and everything that a foreign thread did is ordered
//! before whatever anybody does after its end.
//!
//! # Invariants
//! - A state's lock is held while the engine works for its thread. Only its own thread takes it, except for
//!   [`first_event_of_foreign_thread`] and a look at what a thread holds; nobody takes two.
//! - No user code runs while a state's lock is held, except an allocator that itself uses this crate; its
//!   events are left out ([`enter`] gives `None`).
//! - The registry's lock comes before a state's lock.

pub(crate) mod advice;
pub(crate) mod deadlock;
pub(crate) mod lock;
mod memory;
pub(crate) mod misuse;
mod object;
mod os;
pub(crate) mod parking;
pub(crate) mod place;
pub(crate) mod report;
pub(crate) mod run_once;
mod runtime;

use std::cell::{Cell, UnsafeCell};
use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use racecheck_engine::collect::Due;
use racecheck_engine::{Channel, Ctx, Engine, Thread, ThreadId};

use self::memory::Shadow;
pub(crate) use self::object::{Annotation, Call, Object, annotated};
use self::place::{Place, Places};
pub(crate) use self::runtime::{Aloud, Quiet, Quietly, access as runtime_access};

/// How the events of this process are recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mode {
    Unknown,
    /// Not at all.
    Off,
    /// By the engine in this crate.
    Own,
    /// By the runtime that an instrumented program is linked with; this crate tells it what it needs to know (see
    /// [`runtime`]), and keeps its own books about misuse.
    Instrumented,
}

static MODE: AtomicU8 = AtomicU8::new(Mode::Unknown as u8);

/// Name of the environment variable that turns the shim on (`1`) or off (`0`).
pub const DETECT_VARIABLE: &str = "RACECHECK_DETECT";

/// The mode, if it is one in which anything is recorded.
#[inline]
fn recorder() -> Option<Mode> {
    if !cfg!(feature = "detect") {
        return None;
    }
    match MODE.load(Ordering::Relaxed) {
        m if m == Mode::Own as u8 => Some(Mode::Own),
        m if m == Mode::Off as u8 => None,
        _ => Some(mode()).filter(|mode| *mode != Mode::Off),
    }
}

/// True if events are recorded, by whomever.
#[inline]
pub(crate) fn active() -> bool {
    recorder().is_some()
}

/// True if this crate's own engine records events.
#[inline]
pub(crate) fn own_engine() -> bool {
    recorder() == Some(Mode::Own)
}

/// True if the runtime of an instrumented program records events.
#[inline]
pub(crate) fn instrumented() -> bool {
    recorder() == Some(Mode::Instrumented)
}

#[cold]
pub(crate) fn mode() -> Mode {
    let known = MODE.load(Ordering::Relaxed);
    for mode in [Mode::Off, Mode::Own, Mode::Instrumented] {
        if known == mode as u8 {
            return mode;
        }
    }
    let wanted = match std::env::var(DETECT_VARIABLE).as_deref() {
        Ok("0") => false,
        Ok("1") => true,
        _ => cfg!(debug_assertions),
    };
    let mode = if !cfg!(feature = "detect") {
        Mode::Off
    } else if os::runtime_is_linked() && runtime::find() {
        Mode::Instrumented
    } else if wanted {
        Mode::Own
    } else {
        Mode::Off
    };
    MODE.store(mode as u8, Ordering::Relaxed);
    mode
}

/// What is under a lock of this crate's own. In an instrumented program the lock orders nothing.
#[derive(Debug)]
pub(crate) struct Locked<'a, T: ?Sized> {
    // Given back before the runtime looks again.
    guard: MutexGuard<'a, T>,
    quiet: Quiet,
}

impl<T: ?Sized> Deref for Locked<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T: ?Sized> DerefMut for Locked<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// Takes a lock of this crate's own. Another thread's panic does not spoil it: all data under it is whole between
/// statements.
#[inline]
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> Locked<'_, T> {
    let quiet = Quiet::begin();
    Locked { guard: mutex.lock().unwrap_or_else(PoisonError::into_inner), quiet }
}

/// What is known of a thread for reports. Outlives the thread.
#[derive(Debug)]
pub(crate) struct Info {
    pub id: u32,
    pub name: Option<String>,
    pub running: AtomicBool,
    pub created_by: Option<u32>,
    pub created_at: Ctx,
    /// The test that it works for.
    pub test: Option<Arc<str>>,
    /// The `check` that it works for.
    pub group: Option<Arc<report::Group>>,
    /// Where it waits.
    pub parker: Arc<parking::Parker>,
}

/// A thread's state.
#[derive(Debug)]
pub(crate) struct State {
    busy: AtomicBool,
    /// An event goes on: used by its own thread only.
    inside: Cell<bool>,
    inner: UnsafeCell<Inner>,
}

// SAFETY: `inner` is reached only under `busy`, and `inside` only by the thread whose state it is.
unsafe impl Sync for State {}

/// What is under a state's lock.
#[derive(Debug)]
pub(crate) struct Inner {
    pub engine: &'static Engine<Shadow>,
    pub thread: Box<Thread>,
    pub info: Arc<Info>,
    pub held: Vec<lock::Held>,
    pub places: Places,
    pub order: lock::Known,
    pub subject: Option<place::Subject>,
    seen_foreign_ends: u64,
    origin: Origin,
    events: u32,
}

thread_local! {
    // Without a destructor, so that it can be read until the very end of the thread.
    static CURRENT: Cell<*const State> = const { Cell::new(std::ptr::null()) };
    /// The state is being made or taken apart: allocators may not come back here.
    static AT_WORK: Cell<bool> = const { Cell::new(false) };
    static END: EndOfThread = const { EndOfThread };
}

static STATES: Mutex<Vec<&'static State>> = Mutex::new(Vec::new());
static INFOS: Mutex<Option<HashMap<u32, Arc<Info>>>> = Mutex::new(None);
/// Grows whenever a foreign thread ends.
static FOREIGN_ENDS: AtomicU64 = AtomicU64::new(0);
/// Holds what foreign threads did, after their ends.
static AFTER_FOREIGN: Object = Object::new();
/// Holds what everybody did, before a foreign thread's first event.
static BEFORE_FOREIGN: Object = Object::new();
static DUE: Mutex<Option<Due>> = Mutex::new(None);

/// How many events a thread does between two looks at whether the engine's numbers run out.
const EVENTS_PER_LOOK: u32 = 1 << 12;

fn engine() -> &'static Engine<Shadow> {
    static ENGINE: OnceLock<Engine<Shadow>> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let engine = Engine::new(Shadow::new());
        // Any thread may turn up here at any time, without having been announced.
        engine.expect_foreign_threads();
        engine
    })
}

/// The current thread's state, locked.
pub(crate) struct Entered {
    state: &'static State,
    _quiet: Quiet,
}

impl Deref for Entered {
    type Target = Inner;

    #[inline]
    fn deref(&self) -> &Inner {
        // SAFETY: the lock is held for the life of `self`.
        unsafe { &*self.state.inner.get() }
    }
}

impl DerefMut for Entered {
    #[inline]
    fn deref_mut(&mut self) -> &mut Inner {
        // SAFETY: as above, and `self` is borrowed exclusively.
        unsafe { &mut *self.state.inner.get() }
    }
}

impl Drop for Entered {
    #[inline]
    fn drop(&mut self) {
        self.events += 1;
        if !self.thread.races.is_empty() || self.events >= EVENTS_PER_LOOK {
            return self.rare_end();
        }
        self.state.busy.store(false, Ordering::Release);
        self.state.inside.set(false);
    }
}

impl Entered {
    #[cold]
    fn rare_end(&mut self) {
        let races = std::mem::take(&mut self.thread.races);
        let subject = self.subject.take();
        let look = self.events >= EVENTS_PER_LOOK;
        if look {
            self.events = 0;
        }
        self.state.busy.store(false, Ordering::Release);
        if !races.is_empty() {
            report::races(races, subject);
        }
        if look {
            collect_if_due();
        }
        self.state.inside.set(false);
    }
}

impl State {
    #[inline]
    fn lock(&'static self, quiet: Quiet) -> Entered {
        if self.busy.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.wait_busy();
        }
        Entered { state: self, _quiet: quiet }
    }

    #[cold]
    fn wait_busy(&self) {
        while self.busy.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            std::thread::yield_now();
        }
    }

    /// Looks at another thread's state.
    pub(crate) fn peek<R>(&'static self, f: impl FnOnce(&mut Inner) -> R) -> R {
        let _quiet = Quiet::begin();
        while self.busy.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            std::thread::yield_now();
        }
        // SAFETY: the lock was just taken.
        let result = f(unsafe { &mut *self.inner.get() });
        self.busy.store(false, Ordering::Release);
        result
    }
}

/// Begins an event of the current thread. `None` if nothing is recorded.
#[inline]
pub(crate) fn enter() -> Option<Entered> {
    if !active() {
        return None;
    }
    let quiet = Quiet::begin();
    let state = CURRENT.get();
    // SAFETY: the pointer is null or to this thread's state, which lives until the end of the thread sets
    // the pointer to null.
    let state = match unsafe { state.as_ref() } {
        Some(state) => state,
        None => first_event()?,
    };
    if state.inside.replace(true) {
        return None;
    }
    let mut entered = state.lock(quiet);
    if entered.seen_foreign_ends != FOREIGN_ENDS.load(Ordering::Acquire) {
        after_foreign_end(&mut entered);
    }
    Some(entered)
}

/// As [`enter`], for events that only this crate's own engine wants to know of.
#[inline]
pub(crate) fn enter_engine() -> Option<Entered> {
    if own_engine() { enter() } else { None }
}

#[cold]
fn after_foreign_end(entered: &mut Entered) {
    entered.seen_foreign_ends = FOREIGN_ENDS.load(Ordering::Acquire);
    if let Some(claim) = AFTER_FOREIGN.known() {
        let inner = &mut **entered;
        inner.engine.acquire(&mut inner.thread, claim.address(), Channel::OWNER);
    }
}

#[cold]
fn first_event() -> Option<&'static State> {
    if AT_WORK.replace(true) {
        return None;
    }
    let state = foreign();
    AT_WORK.set(false);
    Some(state)
}

/// The state of a thread that this crate did not create.
#[cold]
fn foreign() -> &'static State {
    static MAIN: Mutex<Option<Box<Thread>>> = Mutex::new(None);
    static ONCE: std::sync::Once = std::sync::Once::new();
    let engine = engine();
    // The engine's first thread is the main thread's, whoever comes first.
    ONCE.call_once(|| *lock(&MAIN) = Some(engine.main_thread()));
    let std_name = std::thread::current().name().map(str::to_owned);
    let main = if std_name.as_deref() == Some("main") { lock(&MAIN).take() } else { None };
    let is_main = main.is_some();
    let mut thread = main.unwrap_or_else(|| engine.foreign_thread());
    let test = std_name.as_deref().filter(|name| *name != "main" && in_test_harness()).map(Arc::from);
    let info = Arc::new(Info {
        id: thread.id().0,
        name: std_name.filter(|_| !is_main),
        running: AtomicBool::new(true),
        created_by: None,
        created_at: Ctx::UNKNOWN,
        test,
        group: None,
        parker: Arc::default(),
    });
    let origin = if info.test.is_some() && place::is_called_by("test::run_test") {
        Origin::Harness
    } else {
        Origin::Foreign
    };
    first_event_of_foreign_thread(engine, &mut thread, origin);
    deadlock::thread_made(&info);
    install(engine, thread, info, origin)
}

/// Who made a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// This crate: its start and end are ordered as they are.
    Shim,
    /// The test harness: ordered after the tests that ended before, and with nothing that still runs.
    Harness,
    /// Somebody: ordered with everything at its start and its end.
    Foreign,
}

/// Everything that any thread did so far is ordered before what `thread` will do.
fn first_event_of_foreign_thread(engine: &'static Engine<Shadow>, thread: &mut Thread, origin: Origin) {
    if instrumented() {
        return;
    }
    if origin == Origin::Foreign
        && let Some(claim) = BEFORE_FOREIGN.claim(8)
    {
        for state in lock(&STATES).iter() {
            state.peek(|other| engine.release(&mut other.thread, claim.address(), Channel::OWNER));
        }
        engine.acquire(thread, claim.address(), Channel::OWNER);
    }
    if let Some(claim) = AFTER_FOREIGN.known() {
        engine.acquire(thread, claim.address(), Channel::OWNER);
    }
}

/// Cargo puts test executables into a directory of this name.
fn in_test_harness() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let exe = std::env::current_exe().ok();
        exe.as_deref().and_then(|e| e.parent()?.file_name()).is_some_and(|dir| dir == "deps")
    })
}

fn install(
    engine: &'static Engine<Shadow>,
    thread: Box<Thread>,
    info: Arc<Info>,
    origin: Origin,
) -> &'static State {
    lock(&INFOS).get_or_insert_default().insert(info.id, info.clone());
    let inner = Inner {
        engine,
        thread,
        info,
        held: Vec::new(),
        places: Places::default(),
        order: lock::Known::default(),
        subject: None,
        seen_foreign_ends: FOREIGN_ENDS.load(Ordering::Acquire),
        origin,
        events: 0,
    };
    let state: &'static State = Box::leak(Box::new(State {
        busy: AtomicBool::new(false),
        inside: Cell::new(false),
        inner: UnsafeCell::new(inner),
    }));
    lock(&STATES).push(state);
    CURRENT.set(state);
    // Fails only when this thread's destructors ran already; then the state stays for good.
    let _ = END.try_with(|_| ());
    state
}

/// Runs when the thread's thread-local variables are destroyed: the first one made is the last to go.
struct EndOfThread;

impl Drop for EndOfThread {
    fn drop(&mut self) {
        let state = CURRENT.replace(std::ptr::null());
        // SAFETY: see `enter`.
        let Some(state) = (unsafe { state.as_ref() }) else { return };
        let _quiet = Quiet::begin();
        AT_WORK.set(true);
        lock(&STATES).retain(|s| !std::ptr::eq(*s, state));
        state.peek(|inner| {
            if inner.origin != Origin::Shim {
                if own_engine()
                    && let Some(claim) = AFTER_FOREIGN.claim(8)
                {
                    inner.engine.release(&mut inner.thread, claim.address(), Channel::OWNER);
                }
                if inner.origin == Origin::Foreign {
                    FOREIGN_ENDS.fetch_add(1, Ordering::AcqRel);
                }
                inner.thread.set_detached();
            }
            inner.engine.exit(&mut inner.thread);
            inner.info.running.store(false, Ordering::Relaxed);
        });
        let info = state.peek(|inner| inner.info.clone());
        // SAFETY: it came from Box::leak in `install`; it is in no list and in no thread-local any more.
        drop(unsafe { Box::from_raw(std::ptr::from_ref(state).cast_mut()) });
        AT_WORK.set(false);
        deadlock::thread_ended(&info);
    }
}

/// All states of threads that run.
pub(crate) fn states() -> Locked<'static, Vec<&'static State>> {
    lock(&STATES)
}

/// What is known of a thread, running or not.
pub(crate) fn info(thread: ThreadId) -> Option<Arc<Info>> {
    lock(&INFOS).as_ref()?.get(&thread.0).cloned()
}

/// What is known of the current thread. `None` if nothing is recorded.
pub(crate) fn my_info() -> Option<Arc<Info>> {
    enter().map(|e| e.info.clone())
}

#[cold]
fn collect_if_due() {
    let last = lock(&DUE).unwrap_or_default();
    if !engine().collection_due(&last) {
        return;
    }
    let states = lock(&STATES);
    for state in states.iter() {
        while state.busy.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            std::thread::yield_now();
        }
    }
    // SAFETY: all states are locked, and threads that are being made or ended hold no state's lock but are
    // kept out by the registry's lock, which is held here: no other thread is inside the engine with a known
    // thread. The iterator gives each thread once.
    let due = unsafe { engine().collect(&mut states.iter().map(|s| &mut *(*s.inner.get()).thread)) };
    *lock(&DUE) = Some(due);
    for state in states.iter() {
        state.busy.store(false, Ordering::Release);
    }
}

/// A thread that this crate is about to create.
#[derive(Debug)]
pub(crate) struct Child {
    thread: Box<Thread>,
    info: Arc<Info>,
}

impl Child {
    /// Everything that the current thread did so far is ordered before what the new thread does.
    pub(crate) fn spawn(name: Option<String>, place: Place) -> Option<Child> {
        let mut parent = enter()?;
        let created_at = parent.context_of_origin(place);
        let parent = &mut *parent;
        let thread = parent.engine.spawn(&mut parent.thread);
        let info = Arc::new(Info {
            id: thread.id().0,
            name,
            running: AtomicBool::new(true),
            created_by: Some(parent.info.id),
            created_at,
            test: parent.info.test.clone(),
            group: parent.info.group.clone(),
            parker: Arc::default(),
        });
        deadlock::thread_made(&info);
        Some(Child { thread, info })
    }

    pub(crate) fn info(&self) -> &Arc<Info> {
        &self.info
    }

    /// To be called first by the new thread.
    pub(crate) fn begin(self) {
        let _quiet = Quiet::begin();
        if CURRENT.get().is_null() {
            AT_WORK.set(true);
            install(engine(), self.thread, self.info, Origin::Shim);
            AT_WORK.set(false);
        }
    }

    /// The operating system did not make the thread.
    pub(crate) fn fail(mut self) {
        let _quiet = Quiet::begin();
        self.thread.set_detached();
        engine().exit(&mut self.thread);
        deadlock::thread_ended(&self.info);
    }
}

/// The current thread waited for the end of `thread`.
pub(crate) fn joined(thread: u32) -> bool {
    enter().is_none_or(|mut e| {
        let e = &mut *e;
        e.engine.join(&mut e.thread, ThreadId(thread))
    })
}

/// Nobody will wait for `thread`.
pub(crate) fn detached(thread: u32) {
    if active() {
        let _quiet = Quiet::begin();
        engine().detach(ThreadId(thread));
    }
}

/// Runs `f` with the current thread (and those it makes meanwhile) in `group`.
pub(crate) fn in_group<R>(group: &Arc<report::Group>, f: impl FnOnce() -> R) -> R {
    struct Back(Option<Arc<Info>>);
    impl Drop for Back {
        fn drop(&mut self) {
            if let (Some(info), Some(mut e)) = (self.0.take(), enter()) {
                lock(&INFOS).get_or_insert_default().insert(info.id, info.clone());
                deadlock::moved(&e.info, &info);
                e.info = info;
            }
        }
    }
    let _back = Back(enter().map(|mut e| {
        let old = e.info.clone();
        let info = Arc::new(Info {
            id: old.id,
            name: old.name.clone(),
            running: AtomicBool::new(true),
            created_by: old.created_by,
            created_at: old.created_at,
            test: old.test.clone(),
            group: Some(group.clone()),
            parker: old.parker.clone(),
        });
        lock(&INFOS).get_or_insert_default().insert(info.id, info.clone());
        deadlock::moved(&old, &info);
        e.info = info;
        old
    }));
    f()
}
