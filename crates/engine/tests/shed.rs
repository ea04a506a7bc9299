//! Giving up history, judged by the oracle: what is spent goes without a difference to any verdict; beyond that races
//! with what went are missed, no other ones, and nothing is invented.

mod support;

use racecheck_engine::Extent;
use racecheck_oracle::check::{Divergence, Tally, check_forgetful};
use racecheck_oracle::oracle::Conflict;
use racecheck_oracle::{Event, Kind, Op, Order, Program, Random, Recipe, bytes, generate, shrink};
use support::EngineDetector;

const PROGRAMS: u64 = 3_000;

/// The generated programs, with more collections.
fn programs() -> impl Iterator<Item = (u64, Program)> {
    (1..=PROGRAMS).map(|seed| {
        let random = &mut Random::new(seed);
        let recipe = Recipe::random(random);
        let program = generate(random, &recipe);
        let often = random.pick(&[2, 10, 30]);
        let mut events = Vec::new();
        for &event in &program.events {
            if random.percent(often) {
                events.push(Event { thread: event.thread, op: Op::Collect });
            }
            events.push(event);
        }
        (seed, program.filtered(events))
    })
}

/// What is still known of a conflict at an event, if each collection gives up `extent`. Origins of blocks always are.
fn remembers(program: &Program, extent: Extent, now: usize, conflict: &Conflict) -> bool {
    let collections = || program.events[..now].iter().enumerate().filter(|(_, e)| e.op == Op::Collect);
    let since = match extent {
        Extent::Spent => None,
        // The last collection took what was there at the one before it.
        Extent::Aged => collections().rev().nth(1),
        Extent::All => collections().next_back(),
    };
    match conflict.kind {
        Kind::Alloc | Kind::Free => true,
        // A stack ends where it was touched, and that is forgotten.
        Kind::ThreadEnd => extent == Extent::Spent,
        _ => since.is_none_or(|(at, _)| at < conflict.event),
    }
}

fn run(program: &Program, extent: Extent) -> (Result<Tally, Box<Divergence>>, u64) {
    let mut detector = EngineDetector::for_program(program);
    detector.sheds = Some(extent);
    let verdict =
        check_forgetful(program, &mut detector, |now, conflict| remembers(program, extent, now, conflict));
    (verdict, detector.engine.stats().lost_history)
}

/// Races, and granules whose history was lost, of all programs.
fn assert_verdicts(extent: Extent) -> (u64, u64) {
    let (mut races, mut lost) = (0, 0);
    for (seed, program) in programs() {
        let (verdict, lost_here) = run(&program, extent);
        match verdict {
            Ok(tally) => races += tally.races,
            Err(_) => {
                let small = shrink(&program, |p| run(p, extent).0.is_err());
                let divergence = run(&small, extent).0.expect_err("it fails");
                panic!("seed {seed}: the engine and the oracle part.\n{small:?}\n{divergence}");
            }
        }
        lost += lost_here;
    }
    println!("{PROGRAMS} programs, {extent:?}: {races} races, history of {lost} granules lost");
    (races, lost)
}

#[test]
fn spent_history_changes_no_verdict() {
    let (races, lost) = assert_verdicts(Extent::Spent);
    assert!(races > PROGRAMS);
    assert_eq!(lost, 0);
}

#[test]
fn aged_history_takes_only_its_own_races_with_it() {
    let (races, lost) = assert_verdicts(Extent::Aged);
    assert!(races > PROGRAMS / 2 && lost > 0);
}

#[test]
fn all_history_takes_only_its_own_races_with_it() {
    let (races, lost) = assert_verdicts(Extent::All);
    assert!(races > PROGRAMS / 2 && lost > 0);
}

#[test]
fn race_with_an_access_before_the_shedding_is_missed_and_counted() {
    let program = Program::new([
        (0, Op::Spawn(1)),
        (0, Op::Write(bytes(0, 8))),
        (0, Op::Collect),
        (1, Op::Write(bytes(0, 8))),
    ]);
    let (verdict, lost) = run(&program, Extent::Spent);
    assert_eq!((verdict.unwrap().races, lost), (1, 0));
    let (verdict, lost) = run(&program, Extent::All);
    assert_eq!((verdict.unwrap().races, lost), (0, 1));
}

#[test]
fn no_race_after_the_shedding_where_an_old_edge_orders() {
    let (data, flag) = (bytes(0, 8), bytes(64, 8));
    let program = Program::new([
        (0, Op::Spawn(1)),
        (0, Op::Write(data)),
        (0, Op::Store(flag, Order::Release)),
        (0, Op::Lock(300)),
        (0, Op::Unlock(300)),
        (0, Op::Collect),
        (1, Op::Load(flag, Order::Acquire)),
        (1, Op::Write(data)),
        (0, Op::Collect),
        (0, Op::Lock(300)),
        (1, Op::Write(bytes(8, 8))),
        (0, Op::Write(bytes(8, 8))),
    ]);
    for extent in [Extent::Spent, Extent::Aged, Extent::All] {
        assert_eq!(run(&program, extent).0.unwrap().races, 1, "{extent:?}");
    }
}

#[test]
fn race_with_what_is_younger_than_the_last_shedding_is_found() {
    let program = |middle: Op| {
        Program::new([
            (0, Op::Spawn(1)),
            (0, Op::Write(bytes(0, 8))),
            (0, middle),
            (0, Op::Write(bytes(8, 8))),
            (0, Op::Collect),
            (1, Op::Read(bytes(8, 8))),
            (1, Op::Read(bytes(0, 8))),
        ])
    };
    let (verdict, lost) = run(&program(Op::Collect), Extent::Aged);
    assert_eq!(verdict.unwrap().races, 1);
    assert_eq!(lost, 0, "both lie in one page, and that stays");
    let (verdict, _) = run(&program(Op::Fence(Order::SeqCst)), Extent::Aged);
    assert_eq!(verdict.unwrap().races, 2);
}
