//! Blocks made by one thread and freed by another, handed over by a channel.
use std::thread;

use std::sync::mpsc;

fn main() {
    let (tx, rx) = mpsc::sync_channel::<Box<[u64; 4]>>(16);
    thread::scope(|s| {
        s.spawn(move || {
            for (i, block) in rx.into_iter().enumerate() {
                assert_eq!(*block, [i as u64; 4]);
            }
        });
        for i in 0..500 {
            tx.send(Box::new([i; 4])).unwrap();
        }
        drop(tx);
    });
}
