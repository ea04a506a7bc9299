//! Programs made at random, so that most of them have both ordered accesses and races.
//!
//! Threads meet on a few bytes. A program made by pure chance races at once everywhere, and a race on a byte
//! ends what can be learnt from it; so the generator asks the oracle about each access before it takes it,
//! and refuses most of the racing ones ([`Recipe::caution`], another for each program).

use crate::oracle::Oracle;
use crate::program::{Bytes, Event, HEAP, Op, Order, Program, bytes};
use crate::random::Random;

/// What kind of program is made.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The most threads that are alive at a time.
    pub threads: usize,
    /// How many events are tried.
    pub events: usize,
    /// In how many of 100 cases an access that races is refused.
    pub caution: u64,
    /// In how many of 100 cases the next event is of the same thread as the last.
    pub patience: u64,
    /// In how many places of the source code all of it happens.
    pub places: usize,
    /// The plain bytes: this many from offset 0 on.
    pub window: u64,
    /// Atomic locations.
    pub atomics: Vec<Bytes>,
    /// Bytes that plain accesses prefer.
    pub spots: Vec<Bytes>,
    /// Blocks that are allocated and freed; they overlap.
    pub blocks: Vec<Bytes>,
    /// Groups of a mutex, a reader-writer lock, a semaphore and a barrier, at four addresses from here on.
    pub objects: Vec<u64>,
    /// How likely each sort of event is, in the order of [`Sort::ALL`].
    weights: [u32; Sort::ALL.len()],
}

/// Sorts of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Read,
    Write,
    Load,
    Store,
    Rmw,
    CompareExchange,
    Fence,
    Mutex,
    RwLock,
    Semaphore,
    Barrier,
    Spawn,
    Exit,
    Join,
    Detach,
    Alloc,
    Free,
    Reset,
    Bury,
    Collect,
}

impl Sort {
    /// Each, and how likely it is in most programs.
    const ALL: [(Sort, u32); 20] = [
        (Sort::Read, 8),
        (Sort::Write, 8),
        (Sort::Load, 6),
        (Sort::Store, 5),
        (Sort::Rmw, 5),
        (Sort::CompareExchange, 2),
        (Sort::Fence, 3),
        (Sort::Mutex, 3),
        (Sort::RwLock, 3),
        (Sort::Semaphore, 2),
        (Sort::Barrier, 2),
        (Sort::Spawn, 3),
        (Sort::Exit, 1),
        (Sort::Join, 2),
        (Sort::Detach, 1),
        (Sort::Alloc, 2),
        (Sort::Free, 1),
        (Sort::Reset, 1),
        (Sort::Bury, 1),
        (Sort::Collect, 1),
    ];
}

/// Where objects lie that share no granule with data.
const OBJECTS: u64 = HEAP.end;

impl Recipe {
    /// A recipe at random.
    pub fn random(random: &mut Random) -> Recipe {
        let window = random.pick(&[8, 16, 16, 24, 40]);
        let mut weights = Sort::ALL.map(|(_, weight)| weight);
        for w in &mut weights {
            *w *= random.pick(&[0, 1, 1, 2, 4]);
        }
        for sort in [Sort::Read, Sort::Write, Sort::Spawn] {
            weights[sort as usize] += 1;
        }
        let mut recipe = Recipe {
            threads: random.within(2, 8) as usize,
            events: random.pick(&[20, 40, 60, 100]),
            caution: random.pick(&[0, 40, 70, 85]),
            patience: random.pick(&[20, 50, 70]),
            places: if random.percent(75) { usize::MAX } else { random.within(1, 6) as usize },
            window,
            atomics: Vec::new(),
            spots: Vec::new(),
            blocks: Vec::new(),
            objects: Vec::new(),
            weights,
        };
        match random.below(200) {
            // A crowd: hundreds of threads, one after the other, so that slots are used again.
            0 => {
                (recipe.threads, recipe.events, recipe.caution) = (random.within(3, 20) as usize, 2000, 95);
                recipe.favour([(Sort::Spawn, 20), (Sort::Exit, 16), (Sort::Join, 12)]);
                recipe.favour([(Sort::Detach, random.pick(&[0, 4, 20]))]);
            }
            // A long talk between few threads, so that blocks of epochs are used up.
            1..4 => (recipe.threads, recipe.events, recipe.caution) = (random.within(2, 4) as usize, 800, 98),
            // Threads that say something and leave without being joined, so that a collection finds their
            // slots clean while what they said can still be heard.
            4..20 => {
                (recipe.threads, recipe.events, recipe.caution) = (random.within(4, 8) as usize, 120, 98);
                recipe.favour([(Sort::Read, 4), (Sort::Write, 2), (Sort::Semaphore, 12), (Sort::Collect, 6)]);
                recipe.favour([(Sort::Spawn, 16), (Sort::Exit, 8), (Sort::Join, 1), (Sort::Detach, 10)]);
            }
            // A library: much is read by many, and seldom written.
            20..40 => {
                (recipe.threads, recipe.events, recipe.caution) = (random.within(3, 6) as usize, 300, 97);
                recipe.favour([(Sort::Read, 40), (Sort::Write, random.pick(&[1, 4])), (Sort::RwLock, 16)]);
            }
            _ => {}
        }
        let size = random.pick(&[1, 2, 4, 8, 8, 16]);
        for _ in 0..random.within(1, 3) {
            let size = if random.percent(85) { size } else { random.pick(&[1, 2, 4, 8, 16]) };
            // Some locations overlap with plain bytes; some lie apart, some in the heap.
            let base = random.pick(&[0, 64, 64, HEAP.start]);
            recipe.atomics.push(bytes(base + random.below(16 / size) * size, size));
        }
        for _ in 0..random.within(1, 4) {
            recipe.spots.push(Self::plain(random, window));
        }
        for _ in 0..random.within(1, 3) {
            let at = HEAP.start + 8 * random.below(3);
            recipe.blocks.push(bytes(at, 8 * random.within(1, 3)));
        }
        for _ in 0..random.within(1, 3) {
            let at =
                if random.percent(20) { 4 * random.below(window / 4) } else { OBJECTS + 4 * random.below(4) };
            recipe.objects.push(at);
        }
        recipe
    }

    fn favour<const N: usize>(&mut self, weights: [(Sort, u32); N]) {
        for (sort, weight) in weights {
            self.weights[sort as usize] = weight;
        }
    }

    fn plain(random: &mut Random, window: u64) -> Bytes {
        let size = random.pick(&[1, 1, 2, 4, 4, 8, 8, 8, 16, 3, 5, 7, 12]);
        let at = if random.percent(60) {
            random.below(window) / size.min(8) * size.min(8)
        } else {
            random.below(window)
        };
        bytes(at, size)
    }

    fn access(&self, random: &mut Random, oracle: &Oracle) -> Bytes {
        let live = oracle.machine().blocks();
        let heap = !live.is_empty() && random.percent(25) || random.percent(2);
        if heap {
            let block = if live.is_empty() { random.pick(&self.blocks) } else { random.pick(live) };
            let size = random.pick(&[1, 2, 4, 8, 8, 16]);
            let at = block.at + random.below(block.size);
            return bytes(at, size.min(block.range().end - at));
        }
        if random.percent(15) {
            let spot = random.pick(&self.atomics);
            return if random.percent(50) { spot } else { bytes(spot.at + random.below(spot.size), 1) };
        }
        if random.percent(4) {
            return bytes(random.below(self.window), random.within(1, 100));
        }
        if random.percent(60) { random.pick(&self.spots) } else { Self::plain(random, self.window) }
    }

    fn location(&self, random: &mut Random) -> Bytes {
        let location = random.pick(&self.atomics);
        if random.percent(4) {
            let size = random.pick(&[1, 2, 4, 8, 16]);
            return bytes(location.at / size * size, size);
        }
        location
    }

    /// An event of `thread` that may or may not be possible now.
    fn propose(&self, random: &mut Random, oracle: &Oracle, thread: u32, next_thread: u32) -> Op {
        use Order::{AcqRel, Acquire, Relaxed, Release, SeqCst};
        let load = |random: &mut Random| random.pick(&[Relaxed, Relaxed, Acquire, Acquire, SeqCst]);
        let store = |random: &mut Random| random.pick(&[Relaxed, Relaxed, Release, Release, SeqCst]);
        let rmw = |random: &mut Random| random.pick(&[Relaxed, Relaxed, Acquire, Release, AcqRel, SeqCst]);
        let machine = oracle.machine();
        let (sort, _) = Sort::ALL[random.weighted(&self.weights)];
        match sort {
            Sort::Read => Op::Read(self.access(random, oracle)),
            Sort::Write => Op::Write(self.access(random, oracle)),
            Sort::Load => Op::Load(self.location(random), load(random)),
            Sort::Store => Op::Store(self.location(random), store(random)),
            Sort::Rmw => Op::Rmw(self.location(random), rmw(random)),
            Sort::CompareExchange => {
                let (at, success, failure) = (self.location(random), rmw(random), load(random));
                if random.percent(50) {
                    Op::Exchanged(at, success, failure)
                } else {
                    Op::Refused(at, success, failure)
                }
            }
            Sort::Fence => Op::Fence(random.pick(&[Acquire, Release, AcqRel, SeqCst])),
            Sort::Mutex => self.one_of(random, oracle, thread, 0, &[Op::Unlock, Op::Lock]),
            Sort::RwLock => self.one_of(
                random,
                oracle,
                thread,
                1,
                &[Op::ReadUnlock, Op::WriteUnlock, Op::ReadLock, Op::ReadLock, Op::WriteLock],
            ),
            Sort::Semaphore => self.one_of(random, oracle, thread, 2, &[Op::Wait, Op::Post]),
            Sort::Barrier => Op::Arrive(random.pick(&self.objects) + 3),
            Sort::Spawn if machine.alive() < self.threads => Op::Spawn(next_thread),
            Sort::Spawn | Sort::Exit => Op::Exit,
            Sort::Join => match machine.joinable().collect::<Vec<_>>()[..] {
                [] => Op::Exit,
                ref ended => Op::Join(random.pick(ended)),
            },
            Sort::Detach => Op::Detach(random.below(u64::from(next_thread)) as u32),
            Sort::Alloc => Op::Alloc(random.pick(&self.blocks)),
            Sort::Free => match machine.blocks() {
                [] => Op::Alloc(random.pick(&self.blocks)),
                live => Op::Free(random.pick(live)),
            },
            Sort::Reset => Op::Reset(bytes(8 * random.below(self.window / 8), 8 * random.within(1, 2))),
            Sort::Bury => Op::Bury(bytes(8 * random.below(self.window / 8), 8 * random.within(1, 2))),
            Sort::Collect => Op::Collect,
        }
    }

    /// One of the operations that `thread` can do now on the `nth` of a group of objects.
    fn one_of(
        &self,
        random: &mut Random,
        oracle: &Oracle,
        thread: u32,
        nth: u64,
        ops: &[fn(u64) -> Op],
    ) -> Op {
        let at = random.pick(&self.objects) + nth;
        let possible = |op: &&fn(u64) -> Op| oracle.machine().admits(&Event { thread, op: op(at) });
        let possible: Vec<_> = ops.iter().filter(possible).collect();
        match possible[..] {
            [] => Op::Collect,
            _ => random.pick(&possible)(at),
        }
    }
}

/// A program after `recipe`.
pub fn generate(random: &mut Random, recipe: &Recipe) -> Program {
    let mut oracle = Oracle::new();
    let (mut thread, mut next_thread) = (0, 1);
    // Some begin alone, as programs do; most lose no time.
    let first = if random.percent(10) { 0 } else { random.within(1, recipe.threads as u64 - 1) };
    for _ in 0..first {
        oracle.happen(Event { thread: 0, op: Op::Spawn(next_thread) });
        next_thread += 1;
    }
    for _ in 0..recipe.events {
        let inside = oracle.machine().at_barriers().next();
        if let Some((inside, barrier)) = inside.filter(|_| random.percent(30)) {
            let leave = Event { thread: inside, op: Op::Leave(barrier) };
            if oracle.machine().admits(&leave) {
                oracle.happen(leave);
            }
        }
        let running: Vec<u32> = oracle.machine().running().collect();
        if running.is_empty() {
            break;
        }
        if !running.contains(&thread) || !random.percent(recipe.patience) {
            thread = random.pick(&running);
        }
        let op = recipe.propose(random, &oracle, thread, next_thread);
        let mut event = Event { thread, op };
        if matches!(op, Op::Spawn(_)) && random.percent(5) {
            event = Event { thread: next_thread, op: Op::Appear };
        }
        if !oracle.machine().admits(&event) {
            continue;
        }
        if random.percent(recipe.caution) && !oracle.judge(&event).is_clean() {
            continue;
        }
        next_thread += u32::from(matches!(event.op, Op::Spawn(_) | Op::Appear));
        oracle.happen(event);
    }
    Program { events: oracle.events().to_vec(), places: recipe.places }
}
