//! The engine's verdicts against those of a brute-force model, on generated programs.
//!
//! `RACECHECK_ORACLE_PROGRAMS` says how many programs are run (20,000 if it is not set), and
//! `RACECHECK_ORACLE_SEED` with which seed to begin. A failure names the seed that shows it and prints the
//! program, made small, as source code.

mod support;

use racecheck_oracle::{Random, Recipe, generate};
use support::Engines;

fn from_env(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(value) => value.parse().unwrap_or_else(|_| panic!("{name} is not a number: {value:?}")),
        Err(_) => default,
    }
}

#[test]
fn verdicts_are_equal_on_generated_programs() {
    let first = from_env("RACECHECK_ORACLE_SEED", 1);
    let programs = from_env("RACECHECK_ORACLE_PROGRAMS", 20_000);
    let (mut races, mut ordered, mut both) = (0, 0, 0);
    let mut engines = Engines::default();
    for seed in first..first + programs {
        // Not all programs share an engine, so that a failure which needs the ones before does not need too
        // many.
        if seed % 100 == 0 {
            engines = Engines::default();
        }
        let random = &mut Random::new(seed);
        let recipe = Recipe::random(random);
        let program = generate(random, &recipe);
        let tally = engines.assert_equal_verdicts(&program, &format!("RACECHECK_ORACLE_SEED={seed}"));
        races += tally.races;
        ordered += tally.ordered;
        both += u64::from(tally.races > 0 && tally.ordered > 0);
    }
    println!("{programs} programs, {both} with races and ordered accesses: {races} races, {ordered} ordered");
    // A generator that makes only one kind of program would prove nothing.
    assert!(programs < 1000 || both * 2 > programs, "too few programs have both");
}
