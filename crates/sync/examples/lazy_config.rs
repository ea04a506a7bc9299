//! A configuration that is read at its first use. `racy` asks a plain flag whether that was done; `right` has
//! a `Once`, and `value` a function made by `once_value`.

use racecheck::cell::RaceCell;
use racecheck::go::{Once, WaitGroup, once_value};
use std::sync::Arc;

struct Config {
    once: Once,
    loaded: RaceCell<bool>,
    level: RaceCell<u32>,
}

impl Config {
    fn level_racy(&self) -> u32 {
        if !self.loaded.get() {
            self.level.set(3);
            self.loaded.set(true);
        }
        self.level.get()
    }

    fn level_right(&self) -> u32 {
        self.once.run(|| self.level.set(3));
        self.level.get()
    }
}

fn main() {
    let how = std::env::args().nth(1);
    let config = Arc::new(Config {
        once: Once::new(),
        loaded: RaceCell::named("loaded", false),
        level: RaceCell::named("level", 0),
    });
    let lazy = once_value(|| 3);
    let wg = WaitGroup::new();
    for _ in 0..4 {
        let (config, lazy) = (config.clone(), lazy.clone());
        match how.as_deref() {
            Some("racy") => wg.go(move || println!("level {}", config.level_racy())),
            Some("right") => wg.go(move || println!("level {}", config.level_right())),
            Some("value") => wg.go(move || println!("level {}", lazy())),
            _ => panic!("say racy, right or value"),
        }
    }
    wg.wait();
}
