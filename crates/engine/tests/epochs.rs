//! What happens when the numbers of epochs run out: races may be missed, which is counted; none is invented;
//! and a collection makes all well.

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
