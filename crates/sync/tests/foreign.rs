//! Threads that were made by others. Their starts and ends are ordered with everything, so that these tests have
//! a process of their own.
#![cfg(feature = "detect")]

use std::sync::Arc;

use racecheck::cell::RaceCell;
use racecheck::check;

// One test: a foreign thread of another one would order what is to race here.
#[test]
fn foreign_threads() {
    no_race_with_threads_that_others_make_and_join();
    race_with_a_thread_that_others_made();
}

fn no_race_with_threads_that_others_make_and_join() {
    let report = check(|| {
        let cell = Arc::new(RaceCell::new(0));
        for _ in 0..20 {
            cell.update(|n| n + 1);
            let theirs = cell.clone();
            std::thread::spawn(move || theirs.update(|n| n + 1)).join().unwrap();
        }
        assert_eq!(cell.get(), 40);
    });
    assert!(report.is_clean(), "{report}");
}

fn race_with_a_thread_that_others_made() {
    // The foreign thread works for no check: it is this thread's access that finds the race.
    let report = check(|| {
        let cell = Arc::new(RaceCell::new(0));
        let (theirs, both) = (cell.clone(), Arc::new(std::sync::Barrier::new(2)));
        let there = both.clone();
        let foreign = std::thread::spawn(move || {
            theirs.get();
            there.wait();
            there.wait();
        });
        both.wait();
        cell.set(1);
        both.wait();
        foreign.join().unwrap();
    });
    assert_eq!(report.races.len(), 1, "{report}");
}
