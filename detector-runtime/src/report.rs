//! From what the engine found to a report: who, where, what memory; once for each pair of places; whole.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use racecheck_engine::{AccessKind, Ctx, Race, Side, Stats, Thread as EngineThread, ThreadId};
use racecheck_report::fingerprint::{PairKey, pair_key};
use racecheck_report::known::known_race;
use racecheck_report::model::{Learnt, Order, SCHEMA_VERSION};
use racecheck_report::text::{TextOptions, write_finding, write_summary};
use racecheck_report::{Access, Finding, FindingKind, Frame, Location, Op, Options, Stack, Thread};

use crate::abi::annotation::is_benign;
use crate::environment::Environment;
use crate::lock::SpinLock;
use crate::memory::heap::Heap;
use crate::modules::main_stack;
use crate::note;
use crate::output::{Line, Output, Verdict};
use crate::resolve::Resolver;
use crate::rules::Rules;
use crate::runtime::{Runtime, runtime};
use crate::startup;
use crate::sys::process;
use crate::sys::time::{Duration, Instant};
use crate::testing::Tests;
use crate::thread::{ThreadInfo, ThreadState};

/// What was found, and where it goes.
#[derive(Debug)]
pub struct Reporter {
    /// Findings of this process.
    count: AtomicU64,
    /// Their number was said.
    summarised: AtomicBool,
    /// Those of them that the command line was told.
    told: AtomicU64,
    /// Races that their authors mean; see [`racecheck_report::known`].
    held_back: AtomicU64,
    /// What the program's own options suppress, where no command line decides.
    rules: Rules,
    inner: SpinLock<Inner>,
    output: Output,
}

#[derive(Debug)]
struct Inner {
    /// Pairs of contexts that were looked at: nothing has to be resolved to know them again.
    seen: BTreeMap<Pair, Fate>,
    /// Pairs of places in the source that were reported.
    reported: BTreeMap<PairKey, Fate>,
    resolver: Resolver,
    tests: Tests,
}

/// What became of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It is one of the races that are known to be meant, or no more than hearsay.
    HeldBack,
    /// It was printed here.
    Printed,
    /// The command line was told, and decides.
    Told(Line),
}

impl Fate {
    /// Whether it is this process's doing, and not that of the one that it was forked from.
    fn is_own(self) -> bool {
        match self {
            Fate::Told(line) => line.is_own(),
            Fate::HeldBack | Fate::Printed => true,
        }
    }
}

/// Two accesses, without regard to which came first.
type Pair = [(u8, u32); 2];

impl Reporter {
    /// Nothing was found yet.
    pub fn new(options: &Options, environment: &Environment) -> Self {
        let output = Output::new(options, environment);
        Reporter {
            count: AtomicU64::new(0),
            summarised: AtomicBool::new(false),
            told: AtomicU64::new(0),
            held_back: AtomicU64::new(0),
            rules: if output.is_channel() { Rules::default() } else { Rules::read(options) },
            inner: SpinLock::new(Inner {
                seen: BTreeMap::new(),
                reported: BTreeMap::new(),
                resolver: Resolver::new(),
                tests: Tests::default(),
            }),
            output,
        }
    }

    /// The status that the process ends with, if the program would end with `status`. Says the number of findings
    /// when it is called for the first time.
    pub fn final_status(&self, options: &Options, status: i32) -> i32 {
        self.settle();
        let found = self.count.load(Ordering::Relaxed);
        let first = !self.summarised.swap(true, Ordering::Relaxed);
        // What the command line was told, it sums up itself, and it decides about the status. What it could not be
        // told must not end in success.
        let untold = found - self.told.load(Ordering::Relaxed);
        if first {
            self.summarise(untold);
            if !self.send_note(untold) {
                self.tell_losses(&runtime().engine.stats());
            }
        }
        if status == 0 && (untold > 0 || self.told_counts()) { options.exitcode as i32 } else { status }
    }

    /// Whether something that the command line was told has to show in this process's own status.
    fn told_counts(&self) -> bool {
        if self.told.load(Ordering::Relaxed) == 0 || !self.output.wants_process_status() {
            return false;
        }
        // Somebody was stopped in the middle of a report: there is one.
        let Some(inner) = self.inner.try_lock() else { return true };
        let fates: BTreeSet<Fate> = inner.reported.values().copied().filter(|fate| fate.is_own()).collect();
        drop(inner);
        fates.into_iter().any(|fate| self.counts(fate))
    }

    /// Whether a finding with this fate is one that has to be answered for. Waits for the command line's word where
    /// it decides; the caller is outside of the gate.
    pub fn counts(&self, fate: Fate) -> bool {
        match fate {
            Fate::HeldBack => false,
            Fate::Printed => true,
            Fate::Told(line) => self.output.verdict(line) == Verdict::Race,
        }
    }

    /// Whether there is any finding.
    pub fn has_found(&self) -> bool {
        self.count.load(Ordering::Relaxed) > 0
    }

    /// Looks at what is known of the program's tests. The caller is inside of the gate.
    pub fn inspect<R>(&self, look: impl FnOnce(&mut Resolver, &mut Tests) -> R) -> R {
        let inner = &mut *self.inner.lock();
        look(&mut inner.resolver, &mut inner.tests)
    }

    fn summarise(&self, found: u64) {
        let mut text = String::new();
        if found > 0 {
            let _ = write_summary(&mut text, found as usize);
        }
        let held_back = self.held_back.load(Ordering::Relaxed);
        if held_back > 0 {
            let _ = writeln!(
                text,
                "racecheck: {held_back} report(s) of races that are meant were held back (suppress_known=0 shows them)"
            );
        }
        text.extend(self.rules.summary());
        if !text.is_empty() {
            self.output.write_text(&text);
        }
    }

    /// Tells the command line what the process did not see. False if it does not listen.
    fn send_note(&self, untold: u64) -> bool {
        if !self.output.is_channel() {
            return false;
        }
        // Somebody was stopped in the middle of a report, and has the resolver.
        let Some(mut inner) = self.inner.try_lock() else { return false };
        let program = inner.resolver.program();
        let note = note::note(runtime(), inner.resolver.modules(), program, untold);
        drop(inner);
        self.output.write_line(&note.to_json_line()).is_some()
    }

    /// Says what the detector had to give up, so that silence is not taken for more than it is.
    fn tell_losses(&self, stats: &Stats) {
        let Stats { lost_epochs, lost_sets, lost_history, lost_contexts, .. } = *stats;
        if lost_history > 0 {
            startup::complain(format_args!(
                "at the memory limit the history of {lost_history} piece(s) of 8 bytes was dropped: races with those \
                 accesses are missed"
            ));
        }
        if lost_epochs > 0 || lost_sets > 0 {
            startup::complain(format_args!(
                "numbers ran out: {lost_epochs} epoch(s) and {lost_sets} set(s) of readers could not be told apart, \
                 so races may have been missed"
            ));
        }
        if lost_contexts > 0 {
            startup::complain(format_args!(
                "memory for calling contexts ran out: {lost_contexts} look-up(s) found no room, so stacks may be missing"
            ));
        }
    }

    /// Waits for a report that another thread is writing, so that the end of the process does not cut it off. Not
    /// for ever: the caller may have come here from the middle of a report itself, by a fault.
    fn settle(&self) {
        const PATIENCE: Duration = Duration::from_secs(5);
        let start = Instant::now();
        while self.inner.try_lock().is_none() && Instant::now().since(start) < PATIENCE {
            process::yield_now();
        }
    }

    /// In a forked child: what the parent found is the parent's.
    pub fn begin_child(&self) {
        self.count.store(0, Ordering::Relaxed);
        self.told.store(0, Ordering::Relaxed);
        self.held_back.store(0, Ordering::Relaxed);
        self.summarised.store(false, Ordering::Relaxed);
        // Nobody reports during a fork, but somebody may end.
        if let Some(mut inner) = self.inner.try_lock() {
            inner.tests.forget();
        }
    }
}

/// Reports what the running thread's last calls of the engine found.
#[cold]
pub fn emit(runtime: &Runtime, thread: &mut ThreadState) {
    let races = core::mem::take(&mut thread.engine.races);
    for race in races.iter().filter(|_| thread.ignore == 0) {
        emit_one(runtime, &thread.engine, race, None);
    }
}

/// As [`emit`], where the caller knows what lies at the address.
#[cold]
pub fn emit_at(runtime: &Runtime, thread: &mut ThreadState, location: &Location) {
    let races = core::mem::take(&mut thread.engine.races);
    for race in &races {
        emit_one(runtime, &thread.engine, race, Some(location));
    }
}

fn emit_one(runtime: &Runtime, thread: &EngineThread, race: &Race, location: Option<&Location>) {
    if is_benign(race.previous.address, race.previous.size) {
        return;
    }
    let reporter = &runtime.reporter;
    let inner = &mut *reporter.inner.lock();
    let fate = match inner.seen.get(&pair(race)) {
        Some(&fate) => fate,
        None => {
            let fate = report_new(runtime, inner, thread, race, location);
            inner.seen.insert(pair(race), fate);
            fate
        }
    };
    inner.tests.count(runtime, &mut inner.resolver, race, fate);
    if fate != Fate::HeldBack && runtime.options.halt_on_error {
        process::exit(runtime.options.exitcode as i32);
    }
}

/// True if nothing but code that is not instrumented speaks for a race. Such code may order its accesses by means of its
/// own, such as atomics of a C library, of which the runtime hears nothing; what it does by calls of libc is only
/// judged against what instrumented code does. A block that was allocated there may have been handed on by such means
/// before anybody touched it.
fn is_hearsay(runtime: &Runtime, resolver: &mut Resolver, race: &Race) -> bool {
    let call = |side: &Side| runtime.engine.contexts.stack(side.ctx).first().copied();
    let (current, previous) = (call(&race.current), call(&race.previous));
    let mut is_instrumented = |call: Option<u64>| call.is_none_or(|pc| resolver.is_instrumented(pc));
    match race.previous.kind {
        AccessKind::Alloc => {
            !is_instrumented(previous) || race.current.kind == AccessKind::Free && !is_instrumented(current)
        }
        _ => [current, previous].iter().all(|call| call.is_some_and(|pc| resolver.is_foreign(pc))),
    }
}

/// Reports a race whose contexts come together for the first time, unless its places did before.
fn report_new(
    runtime: &Runtime,
    inner: &mut Inner,
    thread: &EngineThread,
    race: &Race,
    location: Option<&Location>,
) -> Fate {
    if is_hearsay(runtime, &mut inner.resolver, race) {
        return Fate::HeldBack;
    }
    let reporter = &runtime.reporter;
    let mut finding = describe(runtime, inner, race);
    finding.order = order(runtime, thread, race);
    if let Some(location) = location {
        finding.location = Some(location.clone());
    }
    let key = pair_key(&finding);
    if let Some(&fate) = inner.reported.get(&key) {
        return fate;
    }
    let is_known =
        !reporter.output.is_channel() && runtime.options.suppress_known && known_race(&finding).is_some();
    let fate = if is_known {
        reporter.held_back.fetch_add(1, Ordering::Relaxed);
        Fate::HeldBack
    } else if reporter.rules.hold_for(&finding) {
        Fate::HeldBack
    } else {
        reporter.count.fetch_add(1, Ordering::Relaxed);
        tell(runtime, inner, &finding)
    };
    inner.reported.insert(key, fate);
    fate
}

/// Sends the finding to the command line, or prints it.
fn tell(runtime: &Runtime, inner: &mut Inner, finding: &Finding) -> Fate {
    let reporter = &runtime.reporter;
    if let Some(line) = reporter.output.write_line(&finding.to_json_line()) {
        reporter.told.fetch_add(1, Ordering::Relaxed);
        return Fate::Told(line);
    }
    let mut text = String::new();
    let style = TextOptions {
        strip_path_prefix: &runtime.options.strip_path_prefix,
        workspace_root: inner.resolver.directory(),
        fold: runtime.options.fold,
        ..TextOptions::default()
    };
    let _ = write_finding(&mut text, finding, &style);
    reporter.output.write_text(&text);
    Fate::Printed
}

fn pair(race: &Race) -> Pair {
    let place = |side: &Side| (side.kind as u8, side.ctx.0);
    let mut pair = [place(&race.current), place(&race.previous)];
    pair.sort_unstable();
    pair
}

fn describe(runtime: &Runtime, inner: &mut Inner, race: &Race) -> Finding {
    let Inner { resolver, tests, .. } = inner;
    let mut named = BTreeSet::new();
    let test = tests.name(runtime, resolver, &race.current);
    let test = test.or_else(|| tests.name(runtime, resolver, &race.previous));
    let access = access(runtime, resolver, &race.current, &mut named);
    let previous = access_or_end(runtime, resolver, &race.previous, &mut named);
    let location = location(runtime, resolver, race, &mut named);
    let threads: Vec<Thread> =
        named.iter().filter_map(|&id| Some(describe_thread(runtime, resolver, info(runtime, id)?))).collect();
    let kind = match race.previous.kind {
        AccessKind::Free => FindingKind::UseAfterFree,
        _ => FindingKind::DataRace,
    };
    Finding {
        schema: SCHEMA_VERSION,
        pid: process::process_id().0,
        program: resolver.program(),
        kind,
        access,
        previous,
        location,
        threads,
        test,
        misuse: None,
        order: None,
        found: None,
    }
}

/// What is known of the order of the two accesses, beside that there is none. `thread` did the later one.
fn order(runtime: &Runtime, thread: &EngineThread, race: &Race) -> Option<Order> {
    // The end of a thread and a free that is ordered are no matter of what was learnt.
    if !race.unordered || race.previous.kind == AccessKind::ThreadEnd {
        return None;
    }
    let learnt = match runtime.engine.has_learnt_of(thread, race.previous.epoch) {
        true => Learnt::Earlier,
        false => Learnt::Nothing,
    };
    Some(Order { learnt: Some(learnt), ..Order::default() })
}

fn op(kind: AccessKind) -> Op {
    match kind {
        AccessKind::Read => Op::Read,
        AccessKind::Write => Op::Write,
        AccessKind::AtomicRead => Op::AtomicRead,
        AccessKind::AtomicWrite => Op::AtomicWrite,
        AccessKind::Alloc => Op::Alloc,
        AccessKind::Free => Op::Free,
        AccessKind::ThreadEnd => Op::ThreadExit,
    }
}

fn access(runtime: &Runtime, resolver: &mut Resolver, side: &Side, named: &mut BTreeSet<ThreadId>) -> Access {
    let thread = side.thread.unwrap_or(ThreadId(0));
    named.insert(thread);
    Access {
        op: op(side.kind),
        address: side.address,
        size: side.size,
        thread: thread.0,
        stack: stack(runtime, resolver, side.ctx),
    }
}

/// The previous side: the end of a thread has no stack to be restored.
fn access_or_end(
    runtime: &Runtime,
    resolver: &mut Resolver,
    side: &Side,
    named: &mut BTreeSet<ThreadId>,
) -> Access {
    let mut access = access(runtime, resolver, side, named);
    if side.kind == AccessKind::ThreadEnd {
        access.stack = Stack::default();
    }
    access
}

fn stack(runtime: &Runtime, resolver: &mut Resolver, ctx: Ctx) -> Stack {
    if ctx == Ctx::UNKNOWN {
        return Stack::lost();
    }
    Stack { frames: stack_frames(runtime, resolver, ctx), lost: false }
}

/// The frames of a context, innermost first; none if it is not known.
pub fn stack_frames(runtime: &Runtime, resolver: &mut Resolver, ctx: Ctx) -> Vec<Frame> {
    match ctx {
        Ctx::UNKNOWN => Vec::new(),
        ctx => frames(resolver, &runtime.engine.contexts.stack(ctx)),
    }
}

fn frames(resolver: &mut Resolver, pcs: &[u64]) -> Vec<Frame> {
    let mut frames = Vec::new();
    for &pc in pcs {
        frames.extend_from_slice(resolver.frames(pc));
    }
    frames
}

/// What is kept of a thread.
pub fn info(runtime: &Runtime, id: ThreadId) -> Option<&'static ThreadInfo> {
    runtime.registry.lock().info(id)
}

fn describe_thread(runtime: &Runtime, resolver: &mut Resolver, info: &ThreadInfo) -> Thread {
    Thread {
        id: info.id.0,
        name: info.name.lock().clone(),
        running: info.running.load(Ordering::Relaxed),
        created_by: info.creator.map(|id| id.0),
        created_at: match info.created_at {
            Ctx::UNKNOWN => Stack::default(),
            ctx => stack(runtime, resolver, ctx),
        },
    }
}

fn location(
    runtime: &Runtime,
    resolver: &mut Resolver,
    race: &Race,
    named: &mut BTreeSet<ThreadId>,
) -> Option<Location> {
    let address = race.current.address.max(race.previous.address);
    if Heap::contains(address as usize) {
        let block = runtime.heap.block_of(address as usize)?;
        let meta = block.meta();
        let thread = ThreadId(meta.allocated_by.load(Ordering::Relaxed));
        named.insert(thread);
        let start = block.start().as_ptr() as u64;
        return Some(Location::Heap {
            address: start,
            size: block.requested() as u64,
            offset: address - start,
            freed: !block.is_live(),
            allocated_by: thread.0,
            stack: stack(runtime, resolver, Ctx(meta.allocated_at.load(Ordering::Relaxed))),
        });
    }
    let owner = runtime.registry.lock().owner_of(address).or_else(|| {
        let of_main = main_stack().is_some_and(|stack| stack.contains(&(address as usize)));
        of_main.then_some(ThreadId(0))
    });
    if let Some(owner) = owner {
        named.insert(owner);
        return Some(Location::Stack { thread: owner.0 });
    }
    resolver.location(address)
}
