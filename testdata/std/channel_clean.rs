//! An unbounded channel with three senders; each message carries its sender's earlier writes.
use std::sync::mpsc;
use std::thread;

static mut PAYLOAD: [u64; 600] = [0; 600];

fn main() {
    let (tx, rx) = mpsc::channel();
    thread::scope(|s| {
        for part in 0..3 {
            let tx = tx.clone();
            s.spawn(move || {
                for i in part * 200..(part + 1) * 200 {
                    unsafe { PAYLOAD[i] = i as u64 };
                    tx.send(i).unwrap();
                }
            });
        }
        for _ in 0..600 {
            let i = rx.recv().unwrap();
            assert_eq!(unsafe { PAYLOAD[i] }, i as u64);
        }
    });
}
