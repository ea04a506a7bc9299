//! What is handed over through a ring of rtrb, checked by the shim.

use racecheck::cell::RaceCell;
use racecheck::thread;
use std::sync::Arc;

#[test]
fn no_race_on_what_was_pushed() {
    let (mut to, mut from) = rtrb::RingBuffer::new(2);
    let cells: Arc<Vec<_>> = Arc::new((0..100).map(|_| RaceCell::named("message", 0)).collect());
    let theirs = cells.clone();
    let producer = thread::spawn(move || {
        for (at, cell) in theirs.iter().enumerate() {
            cell.set(at);
            while to.push(at).is_err() {
                thread::yield_now();
            }
        }
    });
    for cell in cells.iter() {
        let at = loop {
            match from.pop() {
                Ok(at) => break at,
                Err(_) => thread::yield_now(),
            }
        };
        assert_eq!(cell.get(), at);
    }
    producer.join().unwrap();
}
