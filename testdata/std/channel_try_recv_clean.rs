//! A receiver that polls with `try_recv` until the message is there.
use std::sync::mpsc::{self, TryRecvError};
use std::thread;

static mut RESULT: u64 = 0;

fn main() {
    let (tx, rx) = mpsc::channel();
    let (back, turn) = mpsc::channel();
    thread::scope(|s| {
        s.spawn(move || {
            for i in 1..=200 {
                loop {
                    match rx.try_recv() {
                        Ok(n) => break assert_eq!(n, i),
                        Err(TryRecvError::Empty) => thread::yield_now(),
                        Err(TryRecvError::Disconnected) => unreachable!(),
                    }
                }
                assert_eq!(unsafe { RESULT }, i);
                back.send(()).unwrap();
            }
        });
        for i in 1..=200 {
            unsafe { RESULT = i };
            tx.send(i).unwrap();
            turn.recv().unwrap();
        }
    });
}
