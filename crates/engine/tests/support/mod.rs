//! What the engine's tests share: memory for the shadow, and the engine as a detector of generated programs.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use racecheck_engine::{
    AccessKind, Channel, Ctx, Engine, Epoch, Extent, FenceOrder, Granule, LoadOrder, Mask, Memory, Origin,
    OriginKind, Race, RmwOrder, StoreOrder, Thread, ThreadId,
};
use racecheck_oracle::check::{Side, Tally};
use racecheck_oracle::{
    AREA, Bytes, Detector, Event, Finding, Kind, Machine, Op, Order, Program, check, shrink,
};

/// Shadow for a window of addresses.
#[derive(Debug)]
pub struct TestMemory {
    first: Granule,
    words: Box<[AtomicU64]>,
    contexts: Box<[AtomicU64]>,
    origins: Mutex<Vec<Option<Origin>>>,
}

impl TestMemory {
    /// Shadow for `size` bytes from `address` on, both multiples of eight.
    pub fn new(address: u64, size: u64) -> Self {
        let zeros = || (0..size / 8).map(|_| AtomicU64::new(0)).collect();
        let origins = Mutex::new(vec![None; size as usize / 8]);
        TestMemory { first: Granule::of(address), words: zeros(), contexts: zeros(), origins }
    }

    /// Gives all granules of a block its origin.
    pub fn set_origin(&self, address: u64, size: u64, origin: Option<Origin>) {
        let start = self.index(Granule::of(address));
        self.origins.lock().unwrap()[start..start + size as usize / 8].fill(origin);
    }

    fn index(&self, granule: Granule) -> usize {
        (granule.0 - self.first.0) as usize
    }
}

impl Memory for TestMemory {
    fn word(&self, granule: Granule) -> &AtomicU64 {
        &self.words[self.index(granule)]
    }

    fn contexts(&self, granule: Granule) -> &AtomicU64 {
        &self.contexts[self.index(granule)]
    }

    fn origin(&self, granule: Granule) -> Option<Origin> {
        self.origins.lock().unwrap()[self.index(granule)]
    }

    fn relax(&self, _: u32) {
        std::thread::yield_now();
    }

    fn for_each_word(&self, granules: Range<Granule>, f: &mut dyn FnMut(Granule, &AtomicU64)) {
        (granules.start.0..granules.end.0).map(Granule).for_each(|g| f(g, self.word(g)));
    }

    fn for_each_word_everywhere(&self, f: &mut dyn FnMut(Granule, &AtomicU64)) {
        self.words.iter().enumerate().for_each(|(i, word)| f(Granule(self.first.0 + i as u64), word));
    }

    fn for_each_page(&self, f: &mut dyn FnMut(Granule, &[AtomicU64]) -> bool) {
        const PAGE: usize = 4;
        let pages = self.words.chunks(PAGE).zip(self.contexts.chunks(PAGE));
        for (i, (words, contexts)) in pages.enumerate() {
            if f(Granule(self.first.0 + (i * PAGE) as u64), words) {
                words.iter().chain(contexts).for_each(|cell| cell.store(0, Ordering::Relaxed));
            }
        }
    }

    fn for_each_origin(&self, f: &mut dyn FnMut(Epoch)) {
        self.origins.lock().unwrap().iter().flatten().for_each(|origin| f(origin.epoch));
    }
}

/// Where a program's bytes lie.
pub const BASE: u64 = 0x10000;

/// The engine, executing a program.
pub struct EngineDetector {
    pub engine: Engine<TestMemory>,
    threads: HashMap<u32, Box<Thread>>,
    numbers: HashMap<ThreadId, u32>,
    ids: HashMap<u32, ThreadId>,
    machine: Machine,
    /// Ends of stacks: they have no context of their own.
    buried: Vec<(Epoch, Bytes, usize)>,
    /// At each collection so much history is given up first.
    pub sheds: Option<Extent>,
    /// What will be buried.
    stacks: Vec<Range<Granule>>,
}

impl EngineDetector {
    pub fn new() -> Self {
        Self::with(Engine::new(TestMemory::new(BASE, AREA + 128)))
    }

    /// An engine that is exact for `program`: where threads come from nowhere, it must expect them.
    pub fn for_program(program: &Program) -> Self {
        let mut engine = Engine::new(TestMemory::new(BASE, AREA + 128));
        // In a long program, slots are used up.
        engine.set_last_time(200);
        if has_foreign_threads(program) {
            engine.expect_foreign_threads();
        }
        let stacks = program.events.iter().filter_map(|event| match event.op {
            Op::Bury(b) => Some(Granule::of(b.at + BASE)..Granule::of(b.range().end + BASE)),
            _ => None,
        });
        let mut detector = Self::with(engine);
        detector.stacks.extend(stacks);
        detector
    }

    fn with(engine: Engine<TestMemory>) -> Self {
        let main = engine.main_thread();
        let (numbers, ids) = (HashMap::from([(main.id(), 0)]), HashMap::from([(0, main.id())]));
        let (threads, machine) = (HashMap::from([(0, main)]), Machine::new());
        EngineDetector {
            engine,
            threads,
            numbers,
            ids,
            machine,
            buried: Vec::new(),
            sheds: None,
            stacks: Vec::new(),
        }
    }

    /// Ends the program that was executed, and begins another one in the same engine. All memory is new, and
    /// its first thread is ordered after nothing.
    pub fn restart(&mut self) {
        for (_, mut thread) in self.threads.drain() {
            self.engine.detach(thread.id());
            self.engine.exit(&mut thread);
        }
        self.engine.reset(BASE, AREA + 128);
        self.engine.memory().set_origin(BASE, AREA + 128, None);
        let main = self.engine.foreign_thread();
        self.numbers = HashMap::from([(main.id(), 0)]);
        self.ids = HashMap::from([(0, main.id())]);
        self.threads.insert(0, main);
        self.machine = Machine::new();
        self.buried.clear();
    }

    fn introduce(&mut self, number: u32, thread: Box<Thread>) {
        self.numbers.insert(thread.id(), number);
        self.ids.insert(number, thread.id());
        self.threads.insert(number, thread);
    }

    fn finding(&self, race: &Race) -> Finding {
        let side = |side: &racecheck_engine::Side| Side {
            place: self.place_of(side),
            thread: side.thread.and_then(|id| self.numbers.get(&id).copied()),
            kind: match side.kind {
                AccessKind::Read => Kind::Read,
                AccessKind::Write => Kind::Write,
                AccessKind::AtomicRead => Kind::AtomicRead,
                AccessKind::AtomicWrite => Kind::AtomicWrite,
                AccessKind::Alloc => Kind::Alloc,
                AccessKind::Free => Kind::Free,
                AccessKind::ThreadEnd => Kind::ThreadEnd,
            },
            bytes: Bytes { at: side.address - BASE, size: side.size },
        };
        Finding {
            current: side(&race.current),
            previous: side(&race.previous),
            unordered: Some(race.unordered),
        }
    }

    /// The place that the side means; none of the program's if there is none.
    fn place_of(&self, side: &racecheck_engine::Side) -> usize {
        if side.kind == AccessKind::ThreadEnd {
            let at = side.address - BASE;
            let meant =
                |(epoch, b, _): &&(Epoch, Bytes, usize)| *epoch == side.epoch && b.range().contains(&at);
            return self.buried.iter().rfind(meant).map_or(usize::MAX, |(_, _, place)| *place);
        }
        // The context of place n is the one call site n + 1.
        self.engine.contexts.stack(side.ctx).first().map_or(usize::MAX, |pc| *pc as usize - 1)
    }

    fn apply(&mut self, thread: &mut Thread, ctx: Ctx, event: &Event) {
        let engine = &self.engine;
        let (at, size) = event.op.touches().map_or((0, 0), |b| (b.at + BASE, b.size));
        // As a runtime does it: relaxed operations that have nothing to tell are not told.
        if let Op::Load(b, Order::Relaxed) | Op::Store(b, Order::Relaxed) | Op::Rmw(b, Order::Relaxed) =
            event.op
            && b.size <= 8
            && let bytes = Mask::span((at % 8) as u32, size)
            && engine.relaxed_is_known(thread, Granule::of(at), bytes, !matches!(event.op, Op::Load(..)))
        {
            assert!(!engine.spoke_meanwhile(Granule::of(at), bytes), "nothing happens meanwhile");
            return;
        }
        match event.op {
            Op::Read(_) => engine.read(thread, at, size, ctx),
            Op::Write(_) => engine.write(thread, at, size, ctx),
            Op::Load(_, order) => engine.load(thread, at, size, load_order(order), ctx, || ()),
            Op::Store(_, order) => engine.store(thread, at, size, store_order(order), ctx, || ()),
            Op::Rmw(_, order) => engine.read_modify_write(thread, at, size, rmw_order(order), ctx, || ()),
            Op::Exchanged(_, success, failure) => {
                let (success, failure) = (rmw_order(success), load_order(failure));
                let _ = engine.compare_exchange(thread, at, size, success, failure, ctx, || Ok::<_, ()>(()));
            }
            Op::Refused(_, success, failure) => {
                let (success, failure) = (rmw_order(success), load_order(failure));
                let _ = engine.compare_exchange(thread, at, size, success, failure, ctx, || Err::<(), _>(()));
            }
            Op::Fence(order) => engine.fence(thread, fence_order(order)),
            Op::Lock(o) | Op::Wait(o) | Op::ReadLock(o) => engine.acquire(thread, BASE + o, Channel::OWNER),
            Op::Unlock(o) => engine.release_owner(thread, BASE + o, Channel::OWNER),
            Op::Post(o) => engine.release(thread, BASE + o, Channel::OWNER),
            Op::ReadUnlock(o) => engine.release(thread, BASE + o, Channel::READERS),
            Op::WriteLock(o) => {
                engine.acquire(thread, BASE + o, Channel::OWNER);
                engine.acquire(thread, BASE + o, Channel::READERS);
            }
            Op::WriteUnlock(o) => {
                engine.release_owner(thread, BASE + o, Channel::OWNER);
                engine.forget(BASE + o, Channel::READERS);
            }
            Op::Arrive(o) => {
                let round = self.machine.next_round(o);
                if self.machine.is_first_of_round(o) {
                    engine.forget(BASE + o, Channel::round(round));
                }
                engine.release(thread, BASE + o, Channel::round(round));
            }
            Op::Leave(o) => {
                let round = self.machine.round_of(o, event.thread).expect("it is inside");
                engine.acquire(thread, BASE + o, Channel::round(round));
            }
            Op::Spawn(t) => {
                let child = engine.spawn(thread);
                self.introduce(t, child);
            }
            Op::Exit => engine.exit(thread),
            Op::Join(t) => assert!(engine.join(thread, self.ids[&t]), "the end of a thread is there to join"),
            Op::Detach(t) => engine.detach(self.ids[&t]),
            Op::Alloc(_) => {
                let epoch = engine.origin_epoch(thread);
                let origin = Origin {
                    kind: OriginKind::Allocated,
                    epoch,
                    ctx,
                    until: Granule::of(at + size - 1).next(),
                };
                engine.memory().set_origin(at, size, Some(origin));
            }
            Op::Free(_) => {
                let epoch = engine.origin_epoch(thread);
                let origin =
                    Origin { kind: OriginKind::Freed, epoch, ctx, until: Granule::of(at + size - 1).next() };
                let born = engine.memory().origin(Granule::of(at));
                engine.memory().set_origin(at, size, Some(origin));
                engine.retire(thread, at, size, AccessKind::Free, born, ctx);
            }
            Op::Reset(b) => engine.reset(b.at + BASE, b.size),
            Op::Bury(_) => {
                let ctx = engine.contexts.thread_end(&mut thread.contexts);
                engine.bury(thread, at, size, ctx);
            }
            Op::Appear | Op::Collect => unreachable!("they are no thread's"),
        }
    }
}

impl Detector for EngineDetector {
    fn execute(&mut self, place: usize, event: &Event) -> Vec<Finding> {
        if event.op == Op::Collect {
            // SAFETY: there is one OS thread, and these are all threads that were made and have not ended.
            unsafe {
                if let Some(extent) = self.sheds {
                    let threads = &mut self.threads.values_mut().map(|t| &mut **t);
                    self.engine.shed(threads, &self.stacks, extent);
                    self.engine.begin_age(&mut self.threads.values_mut().map(|t| &mut **t));
                }
                self.engine.collect(&mut self.threads.values_mut().map(|t| &mut **t));
            }
            return Vec::new();
        }
        if event.op == Op::Appear {
            let thread = self.engine.foreign_thread_beside(&mut self.threads.values_mut().map(|t| &mut **t));
            self.introduce(event.thread, thread);
            self.machine.apply(event);
            return Vec::new();
        }
        let mut thread = self.threads.remove(&event.thread).expect("the program's thread runs");
        let ctx = self.engine.contexts.child(&mut thread.contexts, Ctx::UNKNOWN, place as u64 + 1);
        if let Op::Bury(b) = event.op {
            self.buried.push((thread.epoch(), b, place));
        }
        self.apply(&mut thread, ctx, event);
        self.machine.apply(event);
        let races = std::mem::take(&mut thread.races);
        if event.op != Op::Exit {
            self.threads.insert(event.thread, thread);
        }
        races.iter().map(|race| self.finding(race)).collect()
    }
}

impl Drop for EngineDetector {
    /// Gives the records back.
    fn drop(&mut self) {
        self.engine.reset(BASE, AREA + 128);
    }
}

/// The order of the field that is asked for, where a load can have it.
pub fn load_order(order: Order) -> LoadOrder {
    match order {
        Order::Relaxed => LoadOrder::Relaxed,
        Order::Acquire => LoadOrder::Acquire,
        Order::SeqCst => LoadOrder::SeqCst,
        Order::Release | Order::AcqRel => panic!("no order of a load"),
    }
}

pub fn store_order(order: Order) -> StoreOrder {
    match order {
        Order::Relaxed => StoreOrder::Relaxed,
        Order::Release => StoreOrder::Release,
        Order::SeqCst => StoreOrder::SeqCst,
        Order::Acquire | Order::AcqRel => panic!("no order of a store"),
    }
}

pub fn rmw_order(order: Order) -> RmwOrder {
    match order {
        Order::Relaxed => RmwOrder::Relaxed,
        Order::Acquire => RmwOrder::Acquire,
        Order::Release => RmwOrder::Release,
        Order::AcqRel => RmwOrder::AcqRel,
        Order::SeqCst => RmwOrder::SeqCst,
    }
}

pub fn fence_order(order: Order) -> FenceOrder {
    match order {
        Order::Acquire => FenceOrder::Acquire,
        Order::Release => FenceOrder::Release,
        Order::AcqRel => FenceOrder::AcqRel,
        Order::SeqCst => FenceOrder::SeqCst,
        Order::Relaxed => panic!("no order of a fence"),
    }
}

fn has_foreign_threads(program: &Program) -> bool {
    program.events.iter().any(|event| event.op == Op::Appear)
}

/// Engines that serve many programs, so that slots and epochs are used again.
#[derive(Default)]
pub struct Engines {
    announced: Option<EngineDetector>,
    foreign: Option<EngineDetector>,
}

impl Engines {
    /// Runs the program; on a divergence prints a small program that shows it, and panics.
    pub fn assert_equal_verdicts(&mut self, program: &Program, name: &str) -> Tally {
        let engine = if has_foreign_threads(program) { &mut self.foreign } else { &mut self.announced };
        let engine = engine.get_or_insert_with(|| EngineDetector::for_program(program));
        engine.restart();
        match check(program, engine) {
            Ok(tally) => tally,
            Err(divergence) => {
                let fails = |p: &Program| check(p, &mut EngineDetector::for_program(p)).is_err();
                if !fails(program) {
                    panic!("{name}: they part, but not in a fresh engine.\n{program:?}\n{divergence}");
                }
                let small = shrink(program, fails);
                let divergence =
                    check(&small, &mut EngineDetector::for_program(&small)).expect_err("it fails");
                panic!("{name}: the engine and the oracle part.\n{small:?}\n{divergence}");
            }
        }
    }
}
