//! A cache that is mostly read, under a reader-writer mutex. `racy` writes under a read lock.

use racecheck::cell::RaceCell;
use racecheck::go::{RWMutex, WaitGroup};
use std::collections::HashMap;
use std::sync::Arc;

struct Cache {
    mu: RWMutex,
    squares: RaceCell<HashMap<u64, u64>>,
}

impl Cache {
    fn new() -> Self {
        Cache { mu: RWMutex::new(), squares: RaceCell::named("squares", HashMap::new()) }
    }

    fn look_up(&self, n: u64) -> Option<u64> {
        let _guard = self.mu.r_guard();
        self.squares.with(|squares| squares.get(&n).copied())
    }

    fn square_racy(&self, n: u64) -> u64 {
        if let Some(found) = self.look_up(n) {
            return found;
        }
        // A read lock lets others read, and write, at the same time.
        let _guard = self.mu.r_guard();
        self.squares.with_mut(|squares| *squares.entry(n).or_insert(n * n))
    }

    fn square_right(&self, n: u64) -> u64 {
        if let Some(found) = self.look_up(n) {
            return found;
        }
        // Somebody may have come between the two locks: `or_insert` looks again.
        let _guard = self.mu.guard();
        self.squares.with_mut(|squares| *squares.entry(n).or_insert(n * n))
    }
}

fn main() {
    let square = match std::env::args().nth(1).as_deref() {
        Some("racy") => Cache::square_racy,
        Some("right") => Cache::square_right,
        _ => panic!("say racy or right"),
    };
    let (cache, wg) = (Arc::new(Cache::new()), WaitGroup::new());
    for _ in 0..4 {
        let cache = cache.clone();
        wg.go(move || (0..20).for_each(|n| assert_eq!(square(&cache, n), n * n)));
    }
    wg.wait();
    println!("4 threads asked for 20 squares");
}
