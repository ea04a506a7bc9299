//! What a lock of spin protects, checked by the shim.

extern crate racecheck;
extern crate spin;

use racecheck::cell::RaceCell;
use racecheck::thread;

#[test]
fn no_race_under_a_mutex() {
    let (lock, hits) = (spin::Mutex::new(()), RaceCell::named("hits", 0));
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                for _ in 0..100 {
                    let _guard = lock.lock();
                    hits.update(|n| n + 1);
                }
            });
        }
    });
    assert_eq!(hits.get(), 200);
}

#[test]
fn no_race_under_a_reader_writer_lock() {
    let (lock, hits) = (spin::RwLock::new(()), RaceCell::named("hits", 0));
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                for _ in 0..100 {
                    let guard = lock.write();
                    hits.update(|n| n + 1);
                    drop(guard);
                    let _guard = lock.read();
                    hits.get();
                }
            });
        }
    });
}
