//! The largest of many numbers. `racy` looks and then stores; `right` stores by compare-and-swap, and looks
//! again if somebody came between.

use racecheck::cell::RaceCell;
use racecheck::go::{Int64, WaitGroup};
use std::sync::Arc;

fn offer_racy(largest: &RaceCell<i64>, n: i64) {
    if largest.get() < n {
        largest.set(n);
    }
}

fn offer_right(largest: &Int64, n: i64) {
    loop {
        let now = largest.load();
        if now >= n || largest.compare_and_swap(now, n) {
            return;
        }
    }
}

fn main() {
    let how = std::env::args().nth(1);
    let (plain, atomic, wg) =
        (Arc::new(RaceCell::named("largest", 0)), Arc::new(Int64::new(0)), WaitGroup::new());
    for thread in 0..4 {
        let (plain, atomic) = (plain.clone(), atomic.clone());
        match how.as_deref() {
            Some("racy") => wg.go(move || (0..50).for_each(|n| offer_racy(&plain, n * 4 + thread))),
            Some("right") => wg.go(move || (0..50).for_each(|n| offer_right(&atomic, n * 4 + thread))),
            _ => panic!("say racy or right"),
        }
    }
    wg.wait();
    println!("the largest is {}", plain.get().max(atomic.load()));
}
