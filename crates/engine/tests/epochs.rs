//! What happens when the times of a slot are used up: nothing that a verdict could show. And what happens
//! when the numbers of epochs run out: races may be missed, which is counted; none is invented; and a
//! collection makes all well.

mod support;

use racecheck_engine::{Channel, Ctx, Engine};
use support::TestMemory;

const X: u64 = 0x10000;
const Y: u64 = X + 8;
const A: u64 = X + 64;
const B: u64 = A + 8;
/// As many releases as there are epochs.
const ALL: u32 = 1 << 24;

#[test]
fn no_race_is_invented_when_epochs_run_out_and_they_come_back() {
    let engine = Engine::new(TestMemory::new(X, 128));
    let mut main = engine.main_thread();
    let ctx = engine.contexts.child(&mut main.contexts, Ctx::UNKNOWN, 1);
    let [mut one, mut two, mut early] = [(); 3].map(|()| engine.spawn(&mut main));
    for _ in 0..ALL {
        engine.write(&mut main, Y, 8, ctx);
        engine.release_owner(&mut main, A, Channel::OWNER);
        if engine.stats().lost_epochs > 0 {
            break;
        }
    }
    assert!(engine.stats().lost_epochs > 0);
    assert!(engine.collection_due(&Default::default()));

    // Two knows what main published after its last epoch, and then what main learnt from one without being
    // given another epoch.
    engine.release_owner(&mut main, B, Channel::OWNER);
    engine.acquire(&mut two, B, Channel::OWNER);
    engine.write(&mut one, X, 8, ctx);
    engine.release_owner(&mut one, A, Channel::OWNER);
    engine.acquire(&mut main, A, Channel::OWNER);
    engine.release_owner(&mut main, B, Channel::OWNER);
    engine.acquire(&mut two, B, Channel::OWNER);
    engine.write(&mut two, X, 8, ctx);
    assert_eq!(two.races, []);

    // A thread that begins without an epoch, and one that ends behind its time.
    let mut late = engine.spawn(&mut two);
    engine.write(&mut late, X, 8, ctx);
    engine.release_owner(&mut late, B, Channel::OWNER);
    engine.write(&mut late, X, 8, ctx);
    engine.exit(&mut late);
    assert!(engine.join(&mut two, late.id()));
    engine.write(&mut two, X, 8, ctx);
    assert_eq!((&late.races[..], &two.races[..]), (&[][..], &[][..]));

    // SAFETY: there is one OS thread, and these are all threads that have not ended.
    unsafe { engine.collect(&mut [&mut *main, &mut *one, &mut *two, &mut *early].into_iter()) };
    engine.release_owner(&mut main, B, Channel::OWNER);
    let lost = engine.stats().lost_epochs;
    engine.write(&mut main, Y, 8, ctx);
    engine.release_owner(&mut main, B, Channel::OWNER);
    engine.acquire(&mut early, B, Channel::OWNER);
    engine.write(&mut main, Y, 8, ctx);
    engine.read(&mut early, Y, 8, ctx);
    assert_eq!(early.races.len(), 1, "a race with what came after the last release");
    let mut next = engine.spawn(&mut two);
    engine.write(&mut next, X, 8, ctx);
    assert_eq!(next.races, []);
    assert_eq!(engine.stats().lost_epochs, lost);
    engine.reset(X, 128);
}

/// An engine whose slots are used up after one block of epochs.
fn short_of_times() -> Engine<TestMemory> {
    let mut engine = Engine::new(TestMemory::new(X, 128));
    engine.set_last_time(50);
    engine
}

#[test]
fn race_with_what_follows_a_spawn_in_a_new_slot() {
    let engine = short_of_times();
    let mut main = engine.main_thread();
    let ctx = engine.contexts.child(&mut main.contexts, Ctx::UNKNOWN, 1);
    for _ in 0..300 {
        engine.write(&mut main, X, 8, ctx);
        let mut child = engine.spawn(&mut main);
        engine.write(&mut main, Y, 8, ctx);
        engine.read(&mut child, X, 8, ctx);
        assert_eq!(child.races, []);
        engine.read(&mut child, Y, 8, ctx);
        assert_eq!(child.races.len(), 1);
        engine.exit(&mut child);
        engine.join(&mut main, child.id());
        engine.reset(Y, 8);
    }
    assert!(engine.stats().slots > 5, "{:?}", engine.stats());
    engine.reset(X, 128);
}

#[test]
fn no_race_of_threads_that_change_their_slots() {
    let engine = short_of_times();
    let mut main = engine.main_thread();
    let ctx = engine.contexts.child(&mut main.contexts, Ctx::UNKNOWN, 1);
    for rounds in 0..200 {
        // The child ends after each number of releases, so also just after it got a new slot.
        let mut child = engine.spawn(&mut main);
        for _ in 0..rounds {
            for (thread, from, to) in [(&mut child, A, B), (&mut main, B, A)] {
                engine.acquire(thread, from, Channel::OWNER);
                engine.read(thread, Y, 8, ctx);
                engine.write(thread, X, 8, ctx);
                engine.release_owner(thread, to, Channel::OWNER);
            }
        }
        engine.acquire(&mut child, A, Channel::OWNER);
        engine.write(&mut child, X, 8, ctx);
        engine.write(&mut child, Y, 8, ctx);
        engine.exit(&mut child);
        engine.join(&mut main, child.id());
        engine.write(&mut main, X, 8, ctx);
        engine.write(&mut main, Y, 8, ctx);
        assert_eq!((&main.races[..], &child.races[..]), (&[][..], &[][..]));
    }
    engine.reset(X, 128);
}

#[test]
fn no_race_with_what_was_done_in_the_slot_before() {
    // Nobody learns of the releases in the old slot but through those in the new one, or through the end.
    let engine = short_of_times();
    let mut main = engine.main_thread();
    let ctx = engine.contexts.child(&mut main.contexts, Ctx::UNKNOWN, 1);
    for releases in 1..200 {
        let mut child = engine.spawn(&mut main);
        engine.release_owner(&mut child, A, Channel::OWNER);
        engine.write(&mut child, X, 8, ctx);
        for _ in 0..releases {
            engine.write(&mut child, Y, 8, ctx);
            engine.release_owner(&mut child, A, Channel::OWNER);
        }
        if releases % 2 == 0 {
            engine.acquire(&mut main, A, Channel::OWNER);
            engine.write(&mut main, X, 8, ctx);
        }
        engine.write(&mut child, Y, 8, ctx);
        engine.exit(&mut child);
        engine.join(&mut main, child.id());
        engine.write(&mut main, X, 8, ctx);
        assert_eq!((&main.races[..], &child.races[..]), (&[][..], &[][..]));
    }
    engine.reset(X, 128);
}
