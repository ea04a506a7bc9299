//! A rendezvous orders both ways: sender before receiver, and receiver before sender.
use std::sync::mpsc;
use std::thread;

static mut QUESTION: u64 = 0;
static mut ANSWER: u64 = 0;

fn main() {
    let (tx, rx) = mpsc::sync_channel(0);
    thread::scope(|s| {
        s.spawn(move || {
            for i in 1..=200 {
                unsafe { QUESTION = i };
                tx.send(()).unwrap();
                tx.send(()).unwrap();
                assert_eq!(unsafe { ANSWER }, i * 2);
            }
        });
        for _ in 0..200 {
            rx.recv().unwrap();
            unsafe { ANSWER = QUESTION * 2 };
            rx.recv().unwrap();
        }
    });
}
