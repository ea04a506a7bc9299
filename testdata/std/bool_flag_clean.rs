//! A stop flag that is a relaxed atomic: no order is needed where nothing else hangs on it.
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

static STOP: AtomicBool = AtomicBool::new(false);

fn main() {
    let rounds: u64 = thread::scope(|s| {
        let workers = [0, 1, 2].map(|_| {
            s.spawn(|| {
                let mut rounds = 0;
                while !STOP.load(Ordering::Relaxed) {
                    rounds += 1;
                    thread::yield_now();
                }
                rounds
            })
        });
        (0..300).for_each(|_| thread::yield_now());
        STOP.store(true, Ordering::Relaxed);
        workers.into_iter().map(|w| w.join().unwrap()).sum()
    });
    assert!(rounds < u64::MAX);
}
