//! Boxes travel round a ring of channels; whoever has one changes it.
use std::sync::mpsc;
use std::thread;

fn main() {
    let (mut first, mut inbox) = mpsc::channel::<Box<u64>>();
    thread::scope(|s| {
        let start = first.clone();
        for _ in 0..4 {
            let (next, outbox) = mpsc::channel();
            let from = std::mem::replace(&mut inbox, outbox);
            s.spawn(move || {
                for mut parcel in from {
                    *parcel += 1;
                    next.send(parcel).unwrap();
                }
            });
        }
        first = start;
        for n in 0..100 {
            first.send(Box::new(n)).unwrap();
        }
        drop(first);
        for n in 0..100 {
            assert_eq!(*inbox.recv().unwrap(), n + 4);
        }
    });
}
