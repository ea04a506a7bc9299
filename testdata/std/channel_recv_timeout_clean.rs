//! `recv_timeout` is tried again until the message comes.
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

static mut RESULT: u64 = 0;

fn main() {
    let (tx, rx) = mpsc::channel();
    let (back, turn) = mpsc::sync_channel(0);
    thread::scope(|s| {
        s.spawn(move || {
            for i in 1..=100 {
                while let Err(end) = rx.recv_timeout(Duration::from_micros(50)) {
                    assert_eq!(end, RecvTimeoutError::Timeout);
                }
                assert_eq!(unsafe { RESULT }, i);
                back.send(()).unwrap();
            }
        });
        for i in 1..=100 {
            unsafe { RESULT = i };
            tx.send(()).unwrap();
            turn.recv().unwrap();
        }
    });
}
