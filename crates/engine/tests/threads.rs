//! Several threads inside the engine at once, on the same shadow words.
//!
//! Each pattern has a verdict that holds for every interleaving, so a lost update or a torn record inside the
//! engine shows as a missing or an invented race. The threads start together, by means that the engine is
//! not told of.

mod support;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Barrier, Mutex};

use racecheck_engine::{
    AccessKind, Channel, Ctx, Engine, FenceOrder, Granule, LoadOrder, Mask, Origin, OriginKind, Race,
    RmwOrder, StoreOrder, Thread,
};
use support::TestMemory;

const BASE: u64 = 0x10000;
/// Granules that each pattern works on.
const GRANULES: u64 = 64;
const SIZE: u64 = GRANULES * 8;
/// A sync object, behind them.
const OBJECT: u64 = BASE + SIZE;
/// Atomic locations, behind that.
const FLAGS: u64 = OBJECT + 8;
const ROUNDS: u32 = 300;

struct Arena {
    engine: Engine<TestMemory>,
    main: Box<Thread>,
}

impl Arena {
    fn new() -> Self {
        let engine = Engine::new(TestMemory::new(BASE, 3 * SIZE));
        let main = engine.main_thread();
        Arena { engine, main }
    }

    /// Runs `body` on `count` threads at once, each with its number, and gives what they found.
    fn round(
        &mut self,
        count: usize,
        body: impl Fn(&Engine<TestMemory>, &mut Thread, usize) + Sync,
    ) -> Vec<Race> {
        let Arena { engine, main } = self;
        engine.reset(BASE, 3 * SIZE);
        engine.memory().set_origin(BASE, 3 * SIZE, None);
        let engine = &*engine;
        let start = Barrier::new(count);
        let threads: Vec<_> = (0..count).map(|_| engine.spawn(main)).collect();
        let ended: Vec<_> = std::thread::scope(|scope| {
            let running: Vec<_> = threads
                .into_iter()
                .enumerate()
                .map(|(number, mut thread)| {
                    let (start, body) = (&start, &body);
                    scope.spawn(move || {
                        start.wait();
                        body(engine, &mut thread, number);
                        engine.exit(&mut thread);
                        thread
                    })
                })
                .collect();
            running.into_iter().map(|t| t.join().expect("no thread panics")).collect()
        });
        ended.iter().for_each(|thread| assert!(engine.join(main, thread.id())));
        ended.into_iter().flat_map(|thread| thread.races).collect()
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        self.engine.reset(BASE, 3 * SIZE);
    }
}

fn granule(n: u64) -> u64 {
    BASE + n * 8
}

/// Another place for each granule, so that no two findings are taken for one.
fn place(engine: &Engine<TestMemory>, thread: &mut Thread, n: u64) -> Ctx {
    engine.contexts.child(&mut thread.contexts, Ctx::UNKNOWN, n + 1)
}

fn each_granule(engine: &Engine<TestMemory>, thread: &mut Thread, mut f: impl FnMut(&mut Thread, u64, Ctx)) {
    for n in 0..GRANULES {
        let ctx = place(engine, thread, n);
        f(thread, granule(n), ctx);
    }
}

/// How often each granule is in `races`.
fn by_granule(races: &[Race]) -> Vec<usize> {
    let mut counts = vec![0; GRANULES as usize];
    for race in races.iter().filter(|r| r.current.address < OBJECT) {
        counts[((race.previous.address - BASE) / 8) as usize] += 1;
    }
    counts
}

#[track_caller]
fn assert_each(races: &[Race], expected: usize) {
    assert_eq!(by_granule(races), [expected; GRANULES as usize]);
}

#[test]
fn race_of_two_writers_is_found_once_in_each_granule() {
    let mut arena = Arena::new();
    for _ in 0..ROUNDS {
        let races = arena.round(2, |engine, thread, number| {
            each_granule(engine, thread, |thread, at, ctx| match number {
                0 => engine.write(thread, at, 8, ctx),
                _ => engine.write(thread, at + 3, 2, ctx),
            });
        });
        assert_each(&races, 1);
    }
}

#[test]
fn race_of_a_reader_and_a_writer_is_found_once_in_each_granule() {
    let mut arena = Arena::new();
    for _ in 0..ROUNDS {
        let races = arena.round(2, |engine, thread, number| {
            each_granule(engine, thread, |thread, at, ctx| match number {
                0 => engine.write(thread, at, 8, ctx),
                _ => engine.read(thread, at, 8, ctx),
            });
        });
        assert_each(&races, 1);
    }
}

#[test]
fn race_of_an_atomic_and_a_plain_access_is_found_once_in_each_granule() {
    let mut arena = Arena::new();
    for _ in 0..ROUNDS {
        let races = arena.round(2, |engine, thread, number| {
            each_granule(engine, thread, |thread, at, ctx| match number {
                0 => engine.store(thread, at, 4, StoreOrder::Release, ctx, || ()),
                _ => engine.read(thread, at, 8, ctx),
            });
        });
        assert_each(&races, 1);
    }
}

#[test]
fn no_race_of_neighbours() {
    let mut arena = Arena::new();
    for _ in 0..ROUNDS {
        let races = arena.round(4, |engine, thread, number| {
            each_granule(engine, thread, |thread, at, ctx| {
                let byte = at + number as u64;
                engine.write(thread, byte, 1, ctx);
                engine.read(thread, byte, 1, ctx);
                engine.store(thread, byte + 4, 1, StoreOrder::Relaxed, ctx, || ());
                engine.write(thread, byte, 1, ctx);
            });
        });
        assert_eq!(races, []);
    }
}

#[test]
fn no_race_under_a_mutex() {
    let mut arena = Arena::new();
    let mutex = Mutex::new(());
    for _ in 0..ROUNDS / 10 {
        let races = arena.round(4, |engine, thread, _| {
            for n in 0..GRANULES {
                let ctx = place(engine, thread, n);
                let _held = mutex.lock().unwrap();
                engine.acquire(thread, OBJECT, Channel::OWNER);
                engine.read(thread, granule(n % 8), 8, ctx);
                engine.write(thread, granule(n % 8) + 2, 8, ctx);
                engine.release_owner(thread, OBJECT, Channel::OWNER);
            }
        });
        assert_eq!(races, []);
    }
}

#[test]
fn race_with_the_one_reader_that_the_writer_did_not_wait_for() {
    let mut arena = Arena::new();
    let read = Barrier::new(4);
    for _ in 0..ROUNDS {
        // Threads 0 to 2 read at once; thread 3 knows of the end of two of them.
        let races = arena.round(4, |engine, thread, number| {
            if number < 3 {
                each_granule(engine, thread, |thread, at, ctx| engine.read(thread, at, 8, ctx));
            }
            if number < 2 {
                engine.release(thread, OBJECT, Channel::READERS);
            }
            read.wait();
            if number == 3 {
                engine.acquire(thread, OBJECT, Channel::READERS);
                each_granule(engine, thread, |thread, at, ctx| engine.write(thread, at, 8, ctx));
            }
        });
        assert_each(&races, 1);
        let kinds = races.iter().all(|r| r.previous.kind == AccessKind::Read);
        assert!(kinds, "{races:?}");
    }
}

#[test]
fn no_race_of_a_writer_that_waited_for_all_readers() {
    let mut arena = Arena::new();
    let read = Barrier::new(4);
    for _ in 0..ROUNDS {
        let races = arena.round(4, |engine, thread, number| {
            if number < 3 {
                each_granule(engine, thread, |thread, at, ctx| engine.read(thread, at, 8, ctx));
                engine.release(thread, OBJECT, Channel::READERS);
            }
            read.wait();
            if number == 3 {
                engine.acquire(thread, OBJECT, Channel::READERS);
                each_granule(engine, thread, |thread, at, ctx| engine.write(thread, at, 8, ctx));
            }
        });
        assert_eq!(races, []);
    }
}

/// A flag that is passed through the engine, four bytes apart from its neighbour, so that two share a
/// granule.
struct Flags(Vec<AtomicU32>);

impl Flags {
    fn new() -> Self {
        Flags((0..GRANULES).map(|_| AtomicU32::new(0)).collect())
    }

    fn address(n: u64) -> u64 {
        FLAGS + n * 4
    }

    fn store(&self, engine: &Engine<TestMemory>, thread: &mut Thread, n: u64, value: u32, order: StoreOrder) {
        let real = || self.0[n as usize].store(value, Ordering::Relaxed);
        engine.store(thread, Self::address(n), 4, order, Ctx::UNKNOWN, real);
    }

    /// A load, as a runtime does it: a relaxed one that has nothing to tell is not told.
    fn load(&self, engine: &Engine<TestMemory>, thread: &mut Thread, n: u64, order: LoadOrder) -> u32 {
        let (flag, at) = (&self.0[n as usize], Self::address(n));
        let mask = Mask::span((at % 8) as u32, 4);
        if order == LoadOrder::Relaxed && engine.relaxed_is_known(thread, Granule::of(at), mask, false) {
            let value = flag.load(Ordering::Acquire);
            if !engine.spoke_meanwhile(Granule::of(at), mask) {
                return value;
            }
        }
        engine.load(thread, at, 4, order, Ctx::UNKNOWN, || flag.load(Ordering::Relaxed))
    }

    fn wait(&self, engine: &Engine<TestMemory>, thread: &mut Thread, n: u64, value: u32, order: LoadOrder) {
        while self.load(engine, thread, n, order) != value {
            std::hint::spin_loop();
        }
    }
}

/// Thread 0 writes each granule and raises its flag; thread 1 waits for the flag and reads the granule.
fn messages(
    store: StoreOrder,
    load: LoadOrder,
    fences: [Option<FenceOrder>; 2],
) -> impl Iterator<Item = Vec<Race>> {
    let mut arena = Arena::new();
    let flags = Flags::new();
    (1..=ROUNDS / 3).map(move |value| {
        let flags = &flags;
        arena.round(2, |engine, thread, number| {
            for n in 0..GRANULES {
                let ctx = place(engine, thread, n);
                if number == 0 {
                    engine.write(thread, granule(n), 8, ctx);
                    fences[0].into_iter().for_each(|order| engine.fence(thread, order));
                    flags.store(engine, thread, n, value, store);
                } else {
                    flags.wait(engine, thread, n, value, load);
                    fences[1].into_iter().for_each(|order| engine.fence(thread, order));
                    engine.read(thread, granule(n), 8, ctx);
                }
            }
        })
    })
}

#[test]
fn no_race_of_messages() {
    messages(StoreOrder::Release, LoadOrder::Acquire, [None; 2]).for_each(|races| assert_eq!(races, []));
}

#[test]
fn no_race_of_messages_with_an_acquire_fence() {
    let fences = [None, Some(FenceOrder::Acquire)];
    messages(StoreOrder::Release, LoadOrder::Relaxed, fences).for_each(|races| assert_eq!(races, []));
}

#[test]
fn no_race_of_messages_with_two_fences() {
    let fences = [Some(FenceOrder::Release), Some(FenceOrder::Acquire)];
    messages(StoreOrder::Relaxed, LoadOrder::Relaxed, fences).for_each(|races| assert_eq!(races, []));
}

#[test]
fn race_of_relaxed_messages_is_found_in_each_granule() {
    messages(StoreOrder::Relaxed, LoadOrder::Acquire, [None; 2]).for_each(|races| assert_each(&races, 1));
    messages(StoreOrder::Release, LoadOrder::Relaxed, [None; 2]).for_each(|races| assert_each(&races, 1));
}

/// Each of four threads writes its granules and drops its reference; the last one reads all.
fn references(order: RmwOrder, fence: Option<FenceOrder>) -> impl Iterator<Item = Vec<Race>> {
    let mut arena = Arena::new();
    (0..ROUNDS).map(move |_| {
        let count = AtomicU64::new(4);
        arena.round(4, |engine, thread, number| {
            each_granule(engine, thread, |thread, at, ctx| {
                if (at / 8) % 4 == number as u64 {
                    engine.write(thread, at, 8, ctx);
                }
            });
            let drop = || count.fetch_sub(1, Ordering::Relaxed);
            if engine.read_modify_write(thread, FLAGS, 8, order, Ctx::UNKNOWN, drop) == 1 {
                fence.into_iter().for_each(|order| engine.fence(thread, order));
                each_granule(engine, thread, |thread, at, ctx| engine.read(thread, at, 8, ctx));
            }
        })
    })
}

#[test]
fn no_race_of_reference_counts() {
    references(RmwOrder::AcqRel, None).for_each(|races| assert_eq!(races, []));
    references(RmwOrder::Release, Some(FenceOrder::Acquire)).for_each(|races| assert_eq!(races, []));
}

#[test]
fn race_of_a_reference_count_without_its_fence() {
    // The last one wrote a quarter of the granules itself.
    references(RmwOrder::Release, None)
        .for_each(|races| assert_eq!(by_granule(&races).iter().sum::<usize>(), 48));
}

#[test]
fn race_of_a_free_and_a_read_is_found_once_in_each_granule() {
    let mut arena = Arena::new();
    for _ in 0..ROUNDS {
        let races = arena.round(2, |engine, thread, number| {
            each_granule(engine, thread, |thread, at, ctx| {
                if number == 0 {
                    return engine.read(thread, at, 8, ctx);
                }
                let epoch = engine.origin_epoch(thread);
                let until = Granule::of(at + 8);
                engine.memory().set_origin(
                    at,
                    8,
                    Some(Origin { kind: OriginKind::Freed, epoch, ctx, until }),
                );
                engine.retire(thread, at, 8, AccessKind::Free, None, ctx);
            });
        });
        assert_each(&races, 1);
    }
}
