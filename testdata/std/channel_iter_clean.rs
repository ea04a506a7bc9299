//! Each sender's message comes after its part of the log, and the log is read behind the iteration.
use std::sync::mpsc;
use std::thread;

static mut LOG: [u64; 64] = [0; 64];

fn main() {
    for round in 1..=40 {
        let (tx, rx) = mpsc::channel();
        thread::scope(|s| {
            for part in 0..4 {
                let tx = tx.clone();
                s.spawn(move || {
                    for i in part * 16..(part + 1) * 16 {
                        unsafe { LOG[i] = round };
                    }
                    tx.send(part).unwrap();
                });
            }
            drop(tx);
            assert_eq!(rx.iter().sum::<usize>(), 6);
            let log = unsafe { LOG };
            assert!(log.iter().all(|n| *n == round));
        });
    }
}
