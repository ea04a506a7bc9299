//! The rules, one small program each, named by the verdict.
//!
//! Every verdict is written down here by hand, and each program is judged by the oracle too, so that a
//! mistake that both models share would show.

mod support;

use racecheck_engine::{Ctx, Engine};
use racecheck_oracle::Op::{self, *};
use racecheck_oracle::Order::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use racecheck_oracle::program::HEAP;
use racecheck_oracle::{Bytes, Detector, Finding, Kind, Program, bytes, check};
use support::EngineDetector;

/// Plain data.
const X: Bytes = bytes(0, 8);
/// An atomic location, apart from it.
const FLAG: Bytes = bytes(64, 4);
/// Another.
const OTHER: Bytes = bytes(72, 4);
/// A block of the heap.
const BLOCK: Bytes = bytes(HEAP.start, 32);
/// Eight bytes in it.
const IN_BLOCK: Bytes = bytes(HEAP.start + 8, 8);
/// A lock, semaphore or barrier.
const OBJECT: u64 = 256;

fn findings(events: &[(u32, Op)]) -> Vec<Finding> {
    let program = Program::new(events.iter().copied());
    if let Err(divergence) = check(&program, &mut EngineDetector::new()) {
        panic!("the oracle sees it differently.\n{program:?}\n{divergence}");
    }
    let mut engine = EngineDetector::new();
    program.events.iter().enumerate().flat_map(|(i, event)| engine.execute(i, event)).collect()
}

/// The last event races with event `previous`, and no other two.
#[track_caller]
fn race(previous: usize, events: &[(u32, Op)]) {
    let found: Vec<_> = findings(events).iter().map(|f| (f.current.place, f.previous.place)).collect();
    assert_eq!(found, [(events.len() - 1, previous)]);
}

#[track_caller]
fn no_race(events: &[(u32, Op)]) {
    assert_eq!(findings(events), []);
}

/// Thread 1 writes `X` and does `send`, then thread 2 does `receive` and reads `X`. Event 2 is the write.
fn message(send: &[Op], receive: &[Op]) -> Vec<(u32, Op)> {
    let mut events = vec![(0, Spawn(1)), (0, Spawn(2)), (1, Write(X))];
    events.extend(send.iter().map(|&op| (1, op)));
    events.extend(receive.iter().map(|&op| (2, op)));
    events.push((2, Read(X)));
    events
}

// Plain accesses.

#[test]
fn race_of_two_writes() {
    race(2, &[(0, Spawn(1)), (0, Spawn(2)), (1, Write(X)), (2, Write(X))]);
}

#[test]
fn race_of_a_read_after_a_write() {
    race(2, &[(0, Spawn(1)), (0, Spawn(2)), (1, Write(X)), (2, Read(X))]);
}

#[test]
fn race_of_a_write_after_a_read() {
    race(2, &[(0, Spawn(1)), (0, Spawn(2)), (1, Read(X)), (2, Write(X))]);
}

#[test]
fn no_race_of_reads() {
    no_race(&[(0, Write(X)), (0, Spawn(1)), (0, Spawn(2)), (1, Read(X)), (2, Read(X)), (0, Read(X))]);
}

#[test]
fn no_race_of_neighbours_in_a_granule() {
    let byte = |t: u32| Write(bytes(u64::from(t), 1));
    no_race(&[(0, Spawn(1)), (0, Spawn(2)), (0, byte(0)), (1, byte(1)), (2, byte(2)), (1, byte(1))]);
}

#[test]
fn race_of_one_byte_in_eight() {
    race(2, &[(0, Spawn(1)), (1, Write(bytes(0, 4))), (0, Write(bytes(5, 1))), (1, Write(bytes(4, 3)))]);
}

#[test]
fn race_of_the_last_byte_of_a_long_range() {
    race(1, &[(0, Spawn(1)), (0, Write(bytes(99, 1))), (1, Write(bytes(0, 100)))]);
}

#[test]
fn no_race_past_the_end_of_a_range() {
    no_race(&[(0, Spawn(1)), (0, Write(bytes(99, 1))), (1, Write(bytes(0, 99)))]);
}

#[test]
fn race_of_sixteen_bytes_in_the_second_granule() {
    race(1, &[(0, Spawn(1)), (0, Write(bytes(8, 8))), (1, Read(bytes(0, 16)))]);
}

#[test]
fn race_of_the_tail_of_an_unaligned_access() {
    race(1, &[(0, Spawn(1)), (0, Write(bytes(5, 8))), (1, Read(bytes(12, 1)))]);
}

#[test]
fn race_names_the_place_of_each_byte() {
    // Two reads of one epoch share a shadow word; the write must be told the one that touched its byte.
    let events = [(0, Spawn(1)), (0, Read(bytes(0, 2))), (0, Read(bytes(0, 8)))];
    race(1, &[&events[..], &[(1, Write(bytes(0, 2)))]].concat());
    race(2, &[&events[..], &[(1, Write(bytes(2, 2)))]].concat());
}

#[test]
fn race_names_the_place_of_each_byte_of_a_split_word() {
    let events: Vec<_> = [(0, Spawn(1))].into_iter().chain((0..8).map(|b| (0, Write(bytes(b, 1))))).collect();
    for byte in 0..8 {
        race(1 + byte, &[&events[..], &[(1, Write(bytes(byte as u64, 1)))]].concat());
    }
}

#[test]
fn race_tells_how_far_the_previous_access_reached() {
    let found = findings(&[(0, Spawn(1)), (0, Read(bytes(0, 2))), (0, Read(bytes(0, 8))), (1, Write(X))]);
    assert_eq!(found[0].previous.bytes, bytes(0, 2));
}

#[test]
fn race_with_each_history_of_a_granule() {
    let found = findings(&[
        (0, Spawn(1)),
        (0, Spawn(2)),
        (0, Write(bytes(0, 4))),
        (1, Write(bytes(4, 4))),
        (2, Write(bytes(0, 8))),
    ]);
    assert_eq!(found.iter().map(|f| f.previous.place).collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn race_with_an_access_of_unknown_place_names_no_other() {
    // As it is when there is no room for more contexts: rather no place than the neighbour's.
    let mut engine = EngineDetector::new();
    let Engine { contexts, .. } = &engine.engine;
    let mut main = engine.engine.main_thread();
    let known = contexts.child(&mut main.contexts, Ctx::UNKNOWN, 1);
    let mut other = engine.engine.spawn(&mut main);
    engine.engine.write(&mut main, support::BASE, 1, Ctx::UNKNOWN);
    engine.engine.write(&mut main, support::BASE + 1, 1, known);
    engine.engine.write(&mut other, support::BASE, 1, known);
    engine.engine.write(&mut other, support::BASE + 1, 1, known);
    let previous: Vec<_> = other.races.iter().map(|r| r.previous.ctx).collect();
    assert_eq!(previous, [Ctx::UNKNOWN, known]);
    engine.restart();
}

// Sets of readers.

#[test]
fn race_with_the_first_of_many_readers() {
    let readers = 6;
    let mut events: Vec<_> = (1..=readers + 1).map(|t| (0, Spawn(t))).collect();
    events.extend((1..=readers).map(|t| (t, Read(X))));
    // The writer waits for all readers but the first.
    events.extend((2..=readers).flat_map(|t| [(t, Exit), (readers + 1, Join(t))]));
    events.push((readers + 1, Write(X)));
    race(1 + readers as usize, &events);
}

#[test]
fn no_race_after_all_readers_ended() {
    let readers = 6;
    let mut events: Vec<_> = (1..=readers).map(|t| (0, Spawn(t))).collect();
    events.extend((1..=readers).flat_map(|t| [(t, Read(X)), (t, Read(X)), (t, Exit)]));
    events.extend((1..=readers).map(|t| (0, Join(t))));
    events.push((0, Write(X)));
    no_race(&events);
}

#[test]
fn race_with_a_reader_beside_one_that_read_again() {
    // A reader that reads again in a later epoch takes its own place in the set, and nobody else's.
    race(
        3,
        &[
            (0, Spawn(1)),
            (0, Spawn(2)),
            (1, Read(X)),
            (2, Read(X)),
            (1, Store(FLAG, Release)),
            (1, Read(X)),
            (1, Post(OBJECT)),
            (0, Wait(OBJECT)),
            (0, Write(X)),
        ],
    );
}

#[test]
fn race_with_a_reader_in_a_set_that_read_again_in_another_epoch() {
    race(
        6,
        &[
            (0, Spawn(1)),
            (0, Spawn(2)),
            (1, Read(X)),
            (2, Read(X)),
            (1, Post(OBJECT)),
            (2, Post(OBJECT)),
            (2, Read(X)),
            (0, Wait(OBJECT)),
            (0, Write(X)),
        ],
    );
}

#[test]
fn race_with_a_reader_of_some_bytes_of_a_shared_word() {
    race(
        4,
        &[
            (0, Spawn(1)),
            (0, Spawn(2)),
            (0, Spawn(3)),
            (1, Read(bytes(0, 4))),
            (2, Read(X)),
            (3, Write(bytes(5, 1))),
        ],
    );
}

#[test]
fn race_with_a_read_that_repeats_one_of_an_earlier_epoch() {
    // The same place reads beside the same reader as before; but the writer knows the first of its reads
    // only.
    let events = [
        (0, Spawn(1)),
        (0, Spawn(2)),
        (1, Read(bytes(0, 16))),
        (1, Exit),
        (0, Join(1)),
        (2, Read(bytes(0, 8))),
        (2, Post(OBJECT)),
        (0, Wait(OBJECT)),
        (2, Read(bytes(8, 8))),
        (0, Write(bytes(8, 8))),
    ];
    let program = Program::new(events).with_places(3);
    assert_eq!((program.place(5), program.place(8)), (2, 2));
    assert_eq!(check(&program, &mut EngineDetector::new()).map(|t| t.races).ok(), Some(1));
}

// Lists of readers: what a thread makes for which sets of readers do not pay.

/// Eight bytes that threads 1 and 2 have read; the engine has come to keep such readers in a list. Thread 1
/// knows nothing of thread 2 and the other way round.
const LISTED: Bytes = bytes(320, 8);

/// The reads are the two last events.
fn listed_readers() -> Vec<(u32, Op)> {
    let mut events = vec![(0, Spawn(1)), (0, Spawn(2)), (0, Spawn(3))];
    for granule in 0..8 {
        // Each of these granules gets a set of readers that no other has.
        let b = bytes(8 * granule, 8);
        events.extend([(1, Read(b)), (1, Post(OBJECT)), (2, Read(b))]);
    }
    events.extend([(1, Read(LISTED)), (2, Read(LISTED))]);
    events
}

#[test]
fn race_with_a_listed_reader() {
    let events = listed_readers();
    for (reader, other) in [(events.len() - 2, 2), (events.len() - 1, 1)] {
        let write = [(other, Post(OBJECT + 4)), (3, Wait(OBJECT + 4)), (3, Write(bytes(LISTED.at + 5, 1)))];
        race(reader, &[&events[..], &write].concat());
    }
}

#[test]
fn race_with_a_reader_of_the_set_that_became_a_list() {
    let mut events = listed_readers();
    let others = bytes(328, 8);
    events.extend([(0, Spawn(4)), (1, Read(others)), (4, Read(others)), (2, Read(others))]);
    for (reader, known) in [(3, [2, 4]), (2, [1, 2]), (1, [1, 4])] {
        let posts = known.map(|t| (t, Post(OBJECT + 4)));
        let write = [(3, Wait(OBJECT + 4)), (3, Write(others))];
        race(events.len() - reader, &[&events[..], &posts, &write].concat());
    }
}

#[test]
fn race_of_an_atomic_with_a_listed_reader() {
    let events = listed_readers();
    let write = [(1, Post(OBJECT + 4)), (3, Wait(OBJECT + 4)), (3, Rmw(bytes(LISTED.at, 2), AcqRel))];
    race(events.len() - 1, &[&events[..], &write].concat());
}

#[test]
fn race_of_a_free_with_a_listed_reader() {
    let mut events = listed_readers();
    events.extend([(3, Alloc(BLOCK)), (3, Post(OBJECT + 4)), (1, Wait(OBJECT + 4)), (1, Read(IN_BLOCK))]);
    events.extend([(3, Post(OBJECT + 4)), (2, Wait(OBJECT + 4)), (2, Read(IN_BLOCK))]);
    let reader = events.len() - 1;
    events.extend([(1, Post(OBJECT + 8)), (3, Wait(OBJECT + 8)), (3, Free(BLOCK))]);
    race(reader, &events);
}

#[test]
fn no_race_after_all_listed_readers() {
    let mut events = listed_readers();
    events.extend([(1, Post(OBJECT + 4)), (2, Post(OBJECT + 4)), (3, Wait(OBJECT + 4)), (3, Write(LISTED))]);
    events.extend([(3, Read(LISTED)), (3, Write(LISTED))]);
    no_race(&events);
}

#[test]
fn race_with_a_listed_reader_that_read_less_again() {
    let mut events = listed_readers();
    let reader = events.len() - 1;
    events.extend([(2, Read(bytes(LISTED.at, 1))), (1, Post(OBJECT + 4)), (3, Wait(OBJECT + 4))]);
    events.push((3, Write(bytes(LISTED.at + 7, 1))));
    race(reader, &events);
}

#[test]
fn race_with_a_listed_reader_that_read_again_later() {
    let mut events = listed_readers();
    events.extend([(1, Post(OBJECT + 4)), (2, Post(OBJECT + 4)), (3, Wait(OBJECT + 4)), (2, Read(LISTED))]);
    let again = events.len() - 1;
    events.push((3, Write(LISTED)));
    race(again, &events);
}

#[test]
fn race_of_a_listed_reader_with_the_write_before() {
    let mut events = listed_readers();
    events.extend([(1, Post(OBJECT + 4)), (2, Post(OBJECT + 4)), (3, Wait(OBJECT + 4)), (3, Write(LISTED))]);
    let write = events.len() - 1;
    events.push((2, Read(LISTED)));
    race(write, &events);
}

// Threads.

#[test]
fn no_race_with_what_was_before_the_spawn() {
    no_race(&[(0, Write(X)), (0, Spawn(1)), (1, Write(X))]);
}

#[test]
fn race_with_what_is_after_the_spawn() {
    race(1, &[(0, Spawn(1)), (0, Write(X)), (1, Write(X))]);
}

#[test]
fn race_with_what_is_after_two_spawns_in_a_row() {
    // The second spawn publishes nothing new; still, what follows it is not known to the child.
    race(2, &[(0, Spawn(1)), (0, Spawn(2)), (0, Write(X)), (2, Read(X))]);
}

#[test]
fn no_race_after_a_join() {
    no_race(&[(0, Spawn(1)), (1, Write(X)), (1, Exit), (0, Join(1)), (0, Write(X))]);
}

#[test]
fn race_after_a_detached_thread_ended() {
    race(2, &[(0, Spawn(1)), (0, Detach(1)), (1, Write(X)), (1, Exit), (0, Collect), (0, Write(X))]);
}

#[test]
fn race_with_a_thread_that_nobody_started() {
    race(0, &[(0, Write(X)), (1, Appear), (1, Write(X))]);
}

#[test]
fn race_after_a_release_that_was_done_alone() {
    // While there is one thread a release need not end its epoch; but the foreign thread does not begin with
    // it.
    race(2, &[(0, Store(FLAG, Release)), (1, Appear), (0, Write(X)), (1, Load(FLAG, Acquire)), (1, Read(X))]);
}

#[test]
fn no_race_through_a_tree_of_joins() {
    no_race(&[
        (0, Spawn(1)),
        (1, Spawn(2)),
        (2, Spawn(3)),
        (3, Write(X)),
        (3, Exit),
        (2, Join(3)),
        (2, Exit),
        (1, Join(2)),
        (1, Exit),
        (0, Join(1)),
        (0, Write(X)),
    ]);
}

#[test]
fn race_is_seen_when_the_slot_is_used_again() {
    // Thread 2 gets the slot of thread 1, whose end its creator knows; thread 3 knows of neither.
    race(
        6,
        &[
            (0, Spawn(3)),
            (0, Spawn(1)),
            (1, Exit),
            (0, Join(1)),
            (0, Spawn(2)),
            (2, Store(FLAG, Relaxed)),
            (2, Write(X)),
            (3, Read(X)),
        ],
    );
}

#[test]
fn race_with_the_tenant_before() {
    race(
        2,
        &[
            (0, Spawn(1)),
            (0, Spawn(9)),
            (1, Write(X)),
            (1, Exit),
            (0, Join(1)),
            (0, Spawn(2)),
            (2, Exit),
            (9, Read(X)),
        ],
    );
}

#[test]
fn no_race_in_ten_thousand_threads_in_sequence() {
    let mut engine = EngineDetector::new();
    let mut main = engine.engine.main_thread();
    let ctx = engine.engine.contexts.child(&mut main.contexts, Default::default(), 1);
    for _ in 0..10_000 {
        let mut thread = engine.engine.spawn(&mut main);
        engine.engine.write(&mut thread, support::BASE, 8, ctx);
        engine.engine.exit(&mut thread);
        assert!(engine.engine.join(&mut main, thread.id()));
        assert!(thread.races.is_empty());
    }
    engine.engine.write(&mut main, support::BASE, 8, ctx);
    assert!(main.races.is_empty());
    assert!(engine.engine.stats().slots <= 4, "{:?}", engine.engine.stats());
    engine.restart();
}

/// Thread 1 knows of the write of `X` and does `say`. It leaves, and its slot goes to thread 2 without
/// anybody having heard of its end. Thread 3 learns a later time of that slot from thread 2, and then does
/// `hear`: it must learn what thread 1 said, although it seems to know better.
fn said_from_a_cleaned_slot(say: &[(u32, Op)], hear: &[Op]) -> Vec<(u32, Op)> {
    let mut events = vec![(0, Spawn(1)), (0, Spawn(3)), (0, Spawn(4)), (0, Spawn(5))];
    events.extend([(4, Write(X)), (4, Post(OBJECT)), (1, Wait(OBJECT))]);
    events.extend(say);
    events.extend([(1, Exit), (0, Detach(1)), (0, Collect), (0, Spawn(2)), (2, Post(OBJECT + 1))]);
    events.push((3, Wait(OBJECT + 1)));
    events.extend(hear.iter().map(|&op| (3, op)));
    events.push((3, Read(X)));
    events
}

#[test]
fn no_race_with_what_an_object_keeps_from_a_cleaned_slot() {
    no_race(&said_from_a_cleaned_slot(&[(1, Post(OBJECT + 2))], &[Wait(OBJECT + 2)]));
}

#[test]
fn no_race_with_what_the_seq_cst_fences_keep_from_a_cleaned_slot() {
    no_race(&said_from_a_cleaned_slot(&[(1, Fence(SeqCst))], &[Fence(SeqCst)]));
}

#[test]
fn no_race_with_what_a_relaxed_load_keeps_from_a_cleaned_slot() {
    // Thread 5 puts its own access in the place of thread 1's, and keeps its release sequence going.
    let say = [
        (1, Rmw(FLAG, Release)),
        (1, Post(OBJECT + 2)),
        (5, Wait(OBJECT + 2)),
        (5, Rmw(FLAG, Relaxed)),
        (3, Load(FLAG, Relaxed)),
    ];
    no_race(&said_from_a_cleaned_slot(&say, &[Fence(Acquire)]));
}

#[test]
fn no_race_and_few_slots_with_many_detached_threads() {
    let mut engine = EngineDetector::new();
    let lives = (1..=500).flat_map(|t| {
        let life = [(0, Spawn(t)), (0, Detach(t)), (t, Exit)];
        life.into_iter().chain((t % 50 == 0).then_some((0, Collect)))
    });
    for (i, event) in Program::new(lives).events.iter().enumerate() {
        assert_eq!(engine.execute(i, event), []);
    }
    assert!(engine.engine.stats().slots <= 60, "{:?}", engine.engine.stats());
}

// Locks and the like.

#[test]
fn no_race_under_a_mutex() {
    no_race(&message(&[Lock(OBJECT), Unlock(OBJECT)], &[Lock(OBJECT), Unlock(OBJECT)]));
}

#[test]
fn race_under_two_mutexes() {
    race(2, &message(&[Lock(OBJECT), Unlock(OBJECT)], &[Lock(OBJECT + 4), Unlock(OBJECT + 4)]));
}

#[test]
fn no_race_of_a_reader_after_a_writer() {
    no_race(&message(&[WriteLock(OBJECT), WriteUnlock(OBJECT)], &[ReadLock(OBJECT), ReadUnlock(OBJECT)]));
}

#[test]
fn no_race_of_a_writer_after_a_reader() {
    no_race(&message(&[ReadLock(OBJECT), ReadUnlock(OBJECT)], &[WriteLock(OBJECT), WriteUnlock(OBJECT)]));
}

#[test]
fn race_of_two_readers() {
    race(2, &message(&[ReadLock(OBJECT), ReadUnlock(OBJECT)], &[ReadLock(OBJECT), ReadUnlock(OBJECT)]));
}

#[test]
fn no_race_through_a_semaphore() {
    no_race(&message(&[Post(OBJECT)], &[Wait(OBJECT)]));
}

#[test]
fn no_race_across_a_barrier() {
    no_race(&[
        (0, Spawn(1)),
        (0, Spawn(2)),
        (1, Write(X)),
        (1, Arrive(OBJECT)),
        (2, Arrive(OBJECT)),
        (0, Arrive(OBJECT)),
        (2, Leave(OBJECT)),
        (2, Write(X)),
    ]);
}

#[test]
fn race_of_two_arrivals() {
    race(
        2,
        &[
            (0, Spawn(1)),
            (0, Spawn(2)),
            (1, Write(X)),
            (1, Arrive(OBJECT)),
            (0, Arrive(OBJECT)),
            (2, Write(X)),
        ],
    );
}

// Atomics.

#[test]
fn no_race_of_release_and_acquire() {
    no_race(&message(&[Store(FLAG, Release)], &[Load(FLAG, Acquire)]));
    no_race(&message(&[Store(FLAG, SeqCst)], &[Load(FLAG, SeqCst)]));
    no_race(&message(&[Rmw(FLAG, Release)], &[Rmw(FLAG, Acquire)]));
    no_race(&message(&[Rmw(FLAG, AcqRel)], &[Rmw(FLAG, SeqCst)]));
}

#[test]
fn race_through_a_relaxed_store() {
    race(2, &message(&[Store(FLAG, Relaxed)], &[Load(FLAG, Acquire)]));
    race(2, &message(&[Rmw(FLAG, Acquire)], &[Rmw(FLAG, AcqRel)]));
}

#[test]
fn race_through_a_relaxed_load() {
    race(2, &message(&[Store(FLAG, Release)], &[Load(FLAG, Relaxed)]));
    race(2, &message(&[Rmw(FLAG, AcqRel)], &[Rmw(FLAG, Release)]));
}

#[test]
fn race_through_another_location() {
    race(2, &message(&[Store(FLAG, Release)], &[Load(OTHER, Acquire)]));
}

#[test]
fn race_after_an_acquire_that_came_too_early() {
    race(
        1,
        &[(0, Spawn(1)), (1, Write(X)), (0, Load(FLAG, Acquire)), (1, Store(FLAG, Release)), (0, Read(X))],
    );
}

#[test]
fn race_through_a_relaxed_store_that_ends_the_release_sequence() {
    race(2, &message(&[Store(FLAG, Release), Store(FLAG, Relaxed)], &[Load(FLAG, Acquire)]));
}

#[test]
fn race_through_a_store_of_another_thread_that_ends_the_release_sequence() {
    race(
        1,
        &[
            (0, Spawn(1)),
            (0, Write(X)),
            (0, Store(FLAG, Release)),
            (1, Store(FLAG, Release)),
            (1, Load(FLAG, Acquire)),
            (1, Read(X)),
        ],
    );
}

#[test]
fn no_race_through_a_read_modify_write_that_continues_the_release_sequence() {
    no_race(&[
        (0, Spawn(1)),
        (0, Spawn(2)),
        (0, Write(X)),
        (0, Store(FLAG, Release)),
        (1, Rmw(FLAG, Relaxed)),
        (2, Load(FLAG, Acquire)),
        (2, Read(X)),
    ]);
}

#[test]
fn no_race_with_both_heads_of_a_sequence() {
    no_race(&[
        (0, Spawn(1)),
        (0, Spawn(2)),
        (0, Write(X)),
        (0, Store(FLAG, Release)),
        (1, Write(bytes(8, 8))),
        (1, Rmw(FLAG, Release)),
        (2, Load(FLAG, Acquire)),
        (2, Read(bytes(0, 16))),
    ]);
}

#[test]
fn race_through_a_plain_write_that_ends_the_release_sequence() {
    // The plain write races with the store and with the load; but it is what the load reads.
    let mut events = message(&[Store(FLAG, Release)], &[Load(FLAG, Acquire)]);
    events.insert(4, (0, Write(FLAG)));
    let found: Vec<_> = findings(&events).iter().map(|f| (f.current.place, f.previous.place)).collect();
    assert_eq!(found, [(4, 3), (5, 4), (6, 2)]);
}

#[test]
fn no_race_of_a_failed_exchange_that_acquires() {
    no_race(&message(&[Store(FLAG, Release)], &[Refused(FLAG, Relaxed, Acquire)]));
}

#[test]
fn race_of_a_failed_exchange_whose_success_would_acquire() {
    race(2, &message(&[Store(FLAG, Release)], &[Refused(FLAG, AcqRel, Relaxed)]));
}

#[test]
fn race_of_a_failed_exchange_that_releases_nothing() {
    race(2, &message(&[Refused(FLAG, SeqCst, SeqCst)], &[Load(FLAG, Acquire)]));
}

#[test]
fn no_race_of_a_failed_exchange_with_a_plain_read() {
    no_race(&[(0, Spawn(1)), (0, Refused(FLAG, AcqRel, Acquire)), (1, Read(FLAG))]);
}

#[test]
fn race_of_a_successful_exchange_with_a_plain_read() {
    race(1, &[(0, Spawn(1)), (0, Exchanged(FLAG, AcqRel, Acquire)), (1, Read(FLAG))]);
}

#[test]
fn no_race_of_an_acquire_with_the_plain_write_before_the_release_that_it_reads() {
    no_race(&[(0, Spawn(1)), (0, Write(FLAG)), (0, Store(FLAG, Release)), (1, Load(FLAG, Acquire))]);
}

#[test]
fn race_of_a_relaxed_load_with_the_plain_write_before_the_release_that_it_reads() {
    race(1, &[(0, Spawn(1)), (0, Write(FLAG)), (0, Store(FLAG, Release)), (1, Load(FLAG, Relaxed))]);
}

// Fences.

#[test]
fn no_race_of_a_release_fence_and_an_acquire_load() {
    no_race(&message(&[Fence(Release), Store(FLAG, Relaxed)], &[Load(FLAG, Acquire)]));
}

#[test]
fn no_race_of_a_release_store_and_an_acquire_fence() {
    no_race(&message(&[Store(FLAG, Release)], &[Load(FLAG, Relaxed), Fence(Acquire)]));
}

#[test]
fn no_race_of_two_fences() {
    for (release, acquire) in [(Release, Acquire), (AcqRel, AcqRel), (SeqCst, Acquire), (Release, SeqCst)] {
        let (send, receive) = ([Fence(release), Rmw(FLAG, Relaxed)], [Load(FLAG, Relaxed), Fence(acquire)]);
        no_race(&message(&send, &receive));
    }
}

#[test]
fn no_race_of_a_release_that_a_repeated_relaxed_load_reads() {
    // The first load is recorded and has learnt nothing; the second, in the same epoch, reads from the release.
    for byte in 0..8 {
        let flag = bytes(64 + byte, 1);
        let mut events = message(&[Store(flag, Release)], &[Load(flag, Relaxed), Fence(Acquire)]);
        events.insert(2, (2, Load(flag, Relaxed)));
        no_race(&events);
    }
}

#[test]
fn race_of_fences_that_are_too_weak() {
    race(2, &message(&[Fence(Acquire), Store(FLAG, Relaxed)], &[Load(FLAG, Acquire)]));
    race(2, &message(&[Store(FLAG, Release)], &[Load(FLAG, Relaxed), Fence(Release)]));
}

#[test]
fn race_of_a_fence_on_the_wrong_side() {
    race(2, &message(&[Store(FLAG, Relaxed), Fence(Release)], &[Load(FLAG, Acquire)]));
    race(2, &message(&[Store(FLAG, Release)], &[Fence(Acquire), Load(FLAG, Relaxed)]));
}

#[test]
fn race_with_what_came_after_the_release_fence() {
    let events = [(0, Spawn(1)), (0, Fence(Release)), (0, Write(X)), (0, Store(FLAG, Relaxed))];
    race(2, &[&events[..], &[(1, Load(FLAG, Acquire)), (1, Read(X))]].concat());
}

#[test]
fn no_race_of_a_reference_count() {
    // Each drop is a release; the last one acquires by a fence, as the standard library's counts do.
    let last = [Rmw(FLAG, Release), Fence(Acquire)];
    no_race(&message(&[Rmw(FLAG, Release)], &last));
}

#[test]
fn no_race_of_seq_cst_fences_in_store_buffering() {
    // The later fence knows of the earlier one, whatever the loads read.
    no_race(&message(
        &[Store(FLAG, Relaxed), Fence(SeqCst), Load(OTHER, Relaxed)],
        &[Store(OTHER, Relaxed), Fence(SeqCst), Load(FLAG, Relaxed)],
    ));
}

#[test]
fn race_of_weaker_fences_in_store_buffering() {
    race(
        2,
        &message(
            &[Store(FLAG, Relaxed), Fence(AcqRel), Load(OTHER, Relaxed)],
            &[Store(OTHER, Relaxed), Fence(AcqRel), Load(OTHER, Relaxed)],
        ),
    );
}

// Atomic beside plain.

#[test]
fn race_of_a_plain_write_with_an_atomic_load() {
    let found = findings(&[(0, Spawn(1)), (0, Load(FLAG, Acquire)), (1, Write(FLAG))]);
    let kinds: Vec<_> = found.iter().map(|f| (f.previous.kind, f.current.kind)).collect();
    assert_eq!(kinds, [(Kind::AtomicRead, Kind::Write)]);
}

#[test]
fn race_of_an_atomic_store_with_a_plain_read() {
    let found = findings(&[(0, Spawn(1)), (0, Read(FLAG)), (1, Store(FLAG, SeqCst))]);
    let kinds: Vec<_> = found.iter().map(|f| (f.previous.kind, f.current.kind)).collect();
    assert_eq!(kinds, [(Kind::Read, Kind::AtomicWrite)]);
}

#[test]
fn race_of_a_plain_byte_inside_an_atomic() {
    race(1, &[(0, Spawn(1)), (0, Store(bytes(64, 8), SeqCst)), (1, Write(bytes(70, 1)))]);
}

#[test]
fn no_race_of_an_atomic_load_with_a_plain_read() {
    no_race(&[(0, Spawn(1)), (0, Load(FLAG, Relaxed)), (1, Read(FLAG)), (0, Load(FLAG, Relaxed))]);
}

#[test]
fn no_race_of_atomics_whatever_their_sizes() {
    no_race(&[
        (0, Spawn(1)),
        (0, Store(bytes(64, 16), Relaxed)),
        (1, Store(bytes(64, 1), Relaxed)),
        (1, Rmw(bytes(72, 8), Relaxed)),
        (0, Load(bytes(72, 2), Relaxed)),
    ]);
}

#[test]
fn race_with_the_earlier_of_two_atomics() {
    // The later one is ordered before the plain write, the earlier one is not.
    race(
        2,
        &[
            (0, Spawn(1)),
            (0, Spawn(2)),
            (1, Store(FLAG, Relaxed)),
            (2, Store(FLAG, Relaxed)),
            (2, Post(OBJECT)),
            (0, Wait(OBJECT)),
            (0, Write(FLAG)),
        ],
    );
}

// Sixteen bytes, and mixed sizes.

#[test]
fn no_race_through_sixteen_bytes() {
    let wide = bytes(64, 16);
    no_race(&message(&[Store(wide, Release)], &[Load(wide, Acquire)]));
    no_race(&message(&[Store(wide, Release)], &[Load(bytes(72, 8), Acquire)]));
}

#[test]
fn race_with_the_second_half_of_sixteen_bytes() {
    race(1, &[(0, Spawn(1)), (0, Store(bytes(64, 16), Relaxed)), (1, Write(bytes(79, 1)))]);
}

#[test]
fn no_race_through_a_wide_read_modify_write_that_reads_a_half() {
    no_race(&message(
        &[Store(bytes(64, 8), Release), Rmw(bytes(64, 16), Relaxed)],
        &[Load(bytes(72, 8), Acquire)],
    ));
}

#[test]
fn race_through_a_part_that_was_overwritten() {
    let send = [Store(bytes(64, 8), Release), Store(bytes(68, 4), Relaxed)];
    race(2, &message(&send, &[Load(bytes(68, 4), Acquire)]));
    no_race(&message(&send, &[Load(bytes(64, 4), Acquire)]));
}

// Blocks.

#[test]
fn race_with_the_allocation() {
    race(1, &[(0, Spawn(1)), (0, Alloc(BLOCK)), (1, Read(IN_BLOCK))]);
}

#[test]
fn race_of_a_later_reader_with_the_allocation() {
    for op in [Read(IN_BLOCK), Load(IN_BLOCK, Relaxed), Load(IN_BLOCK, SeqCst)] {
        let events = [(0, Spawn(1)), (0, Spawn(2)), (0, Alloc(BLOCK)), (0, Post(OBJECT)), (2, Wait(OBJECT))];
        // The first to touch the bytes knows of the allocation.
        let found = findings(&[&events[..], &[(2, op), (1, op)]].concat());
        assert_eq!(found.iter().map(|f| f.previous.kind).collect::<Vec<_>>(), [Kind::Alloc], "{op:?}");
    }
}

#[test]
fn race_of_a_free_with_the_allocation() {
    race(1, &[(0, Spawn(1)), (0, Alloc(BLOCK)), (1, Free(BLOCK))]);
    no_race(&[(0, Alloc(BLOCK)), (0, Spawn(1)), (1, Free(BLOCK))]);
}

#[test]
fn race_of_a_free_with_an_access() {
    for op in [Read(IN_BLOCK), Write(IN_BLOCK), Load(IN_BLOCK, SeqCst), Store(IN_BLOCK, SeqCst)] {
        let events = [(0, Alloc(BLOCK)), (0, Spawn(1)), (1, op), (0, Free(BLOCK))];
        race(2, &events);
    }
}

#[test]
fn no_race_of_a_free_after_a_join() {
    no_race(&[
        (0, Alloc(BLOCK)),
        (0, Spawn(1)),
        (1, Write(IN_BLOCK)),
        (1, Exit),
        (0, Join(1)),
        (0, Free(BLOCK)),
    ]);
}

#[test]
fn race_of_an_access_after_a_free() {
    let found = findings(&[(0, Alloc(BLOCK)), (0, Spawn(1)), (0, Free(BLOCK)), (1, Read(IN_BLOCK))]);
    assert_eq!(
        found.iter().map(|f| (f.previous.kind, f.unordered)).collect::<Vec<_>>(),
        [(Kind::Free, Some(true))]
    );
}

#[test]
fn misuse_of_freed_memory_in_order() {
    let found = findings(&[(0, Alloc(BLOCK)), (0, Free(BLOCK)), (0, Write(IN_BLOCK))]);
    assert_eq!(
        found.iter().map(|f| (f.previous.kind, f.unordered)).collect::<Vec<_>>(),
        [(Kind::Free, Some(false))]
    );
}

#[test]
fn no_race_of_memory_that_is_used_again() {
    // The allocator hands the block on; what its first owner did is nothing to the second.
    no_race(&[
        (0, Spawn(1)),
        (0, Alloc(BLOCK)),
        (0, Write(IN_BLOCK)),
        (0, Free(BLOCK)),
        (1, Alloc(BLOCK)),
        (1, Write(IN_BLOCK)),
        (1, Free(BLOCK)),
    ]);
}

#[test]
fn race_with_the_new_owner_of_the_memory() {
    let found = findings(&[
        (0, Spawn(1)),
        (0, Alloc(BLOCK)),
        (0, Free(BLOCK)),
        (1, Alloc(BLOCK)),
        (1, Write(IN_BLOCK)),
        (0, Read(IN_BLOCK)),
    ]);
    assert_eq!(found.iter().map(|f| f.previous.place).collect::<Vec<_>>(), [4]);
}

#[test]
fn race_after_atomics_of_the_memory_that_was_there_before() {
    // The second access is in the epoch of the first, but in other memory at the same address.
    race(
        4,
        &[
            (0, Spawn(1)),
            (0, Store(bytes(0, 4), Relaxed)),
            (0, Reset(X)),
            (1, Store(bytes(0, 4), Relaxed)),
            (0, Store(bytes(0, 4), Relaxed)),
            (1, Write(bytes(0, 4))),
        ],
    );
}

#[test]
fn race_with_a_new_owner_after_a_misuse_of_the_old_block() {
    let found = findings(&[
        (0, Spawn(1)),
        (1, Alloc(BLOCK)),
        (1, Free(BLOCK)),
        (1, Load(IN_BLOCK, Relaxed)),
        (0, Alloc(BLOCK)),
        (1, Load(IN_BLOCK, Relaxed)),
    ]);
    let pairs: Vec<_> = found.iter().map(|f| (f.current.place, f.previous.place)).collect();
    assert_eq!(pairs, [(3, 2), (5, 4)]);
}

#[test]
fn race_with_the_end_of_a_stack() {
    let events = [(0, Spawn(1)), (1, Write(X)), (1, Bury(X)), (1, Exit)];
    let found = findings(&[&events[..], &[(0, Read(X))]].concat());
    assert_eq!(found.iter().map(|f| f.previous.kind).collect::<Vec<_>>(), [Kind::ThreadEnd]);
    no_race(&[&events[..], &[(0, Join(1)), (0, Write(X))]].concat());
}

// Cleaning up changes no verdict.

#[test]
fn race_after_a_collection() {
    race(1, &[(0, Spawn(1)), (0, Write(X)), (0, Collect), (1, Write(X))]);
    race(2, &message(&[Store(FLAG, Release), Store(FLAG, Relaxed)], &[Collect, Load(FLAG, Acquire)]));
}

#[test]
fn no_race_after_a_collection() {
    no_race(&message(&[Store(FLAG, Release)], &[Collect, Load(FLAG, Acquire)]));
    no_race(&message(&[Fence(SeqCst)], &[Collect, Fence(SeqCst)]));
}

#[test]
fn race_with_a_reader_in_a_set_after_a_collection() {
    race(
        3,
        &[
            (0, Spawn(1)),
            (0, Spawn(2)),
            (0, Spawn(3)),
            (1, Read(X)),
            (2, Read(X)),
            (2, Exit),
            (3, Join(2)),
            (0, Collect),
            (3, Write(X)),
        ],
    );
}

#[test]
fn no_race_of_threads_that_a_collection_came_between() {
    // A thread that was created and does not run yet is in nobody's list of threads.
    let mut engine = EngineDetector::new();
    let mut main = engine.engine.main_thread();
    let born = engine.engine.spawn(&mut main);
    // SAFETY: one thread runs this test, and `born` has not run.
    unsafe { engine.engine.collect(&mut std::iter::once(&mut *main)) };
    let others: Vec<_> = (0..3).map(|_| engine.engine.spawn(&mut main)).collect();
    assert_eq!(engine.engine.thread_of(born.epoch()), Some(born.id()));
    for other in &others {
        assert_eq!(engine.engine.thread_of(other.epoch()), Some(other.id()));
    }
    engine.restart();
}

#[test]
fn race_with_a_reader_that_knew_the_number_of_another_set() {
    // Thread 2 knows that it is in a set of readers. The set is given up, its number goes to another one, and
    // thread 2 reads what the others of that set have read.
    let y = bytes(8, 8);
    race(
        12,
        &[
            (0, Spawn(1)),
            (0, Spawn(2)),
            (0, Spawn(3)),
            (0, Spawn(4)),
            (1, Read(X)),
            (2, Read(X)),
            (1, Post(OBJECT)),
            (2, Wait(OBJECT)),
            (2, Write(X)),
            (0, Collect),
            (3, Read(y)),
            (4, Read(y)),
            (2, Read(y)),
            (3, Post(OBJECT)),
            (4, Post(OBJECT)),
            (0, Wait(OBJECT)),
            (0, Write(y)),
        ],
    );
}
