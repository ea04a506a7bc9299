//! A counter that several threads count up. `racy` leaves the lock out, `right` has it; `atomic` needs none.

use racecheck::cell::RaceCell;
use racecheck::go::{Int64, Mutex, WaitGroup};
use std::sync::Arc;

const THREADS: i64 = 4;
const ROUNDS: i64 = 100;

fn racy() -> i64 {
    let (count, wg) = (Arc::new(RaceCell::named("count", 0)), WaitGroup::new());
    for _ in 0..THREADS {
        let count = count.clone();
        wg.go(move || (0..ROUNDS).for_each(|_| count.update(|n| n + 1)));
    }
    wg.wait();
    count.get()
}

fn right() -> i64 {
    let (count, wg) = (Arc::new((Mutex::new(), RaceCell::named("count", 0))), WaitGroup::new());
    for _ in 0..THREADS {
        let count = count.clone();
        wg.go(move || {
            for _ in 0..ROUNDS {
                let _guard = count.0.guard();
                count.1.update(|n| n + 1);
            }
        });
    }
    wg.wait();
    count.1.get()
}

fn atomic() -> i64 {
    let (count, wg) = (Arc::new(Int64::new(0)), WaitGroup::new());
    for _ in 0..THREADS {
        let count = count.clone();
        wg.go(move || (0..ROUNDS).for_each(|_| _ = count.add(1)));
    }
    wg.wait();
    count.load()
}

fn main() {
    let count = match std::env::args().nth(1).as_deref() {
        Some("racy") => racy(),
        Some("right") => right(),
        Some("atomic") => atomic(),
        _ => panic!("say racy, right or atomic"),
    };
    println!("counted {count} of {}", THREADS * ROUNDS);
}
