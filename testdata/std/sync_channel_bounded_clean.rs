//! With one slot, the n-th `recv` orders what came before it in front of the end of the n+1-th `send`.
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

static FILLED: AtomicU64 = AtomicU64::new(0);

static mut BUFFER: u64 = 0;

fn main() {
    let (tx, rx) = mpsc::sync_channel(1);
    thread::scope(|s| {
        s.spawn(move || {
            for i in 1..=300 {
                while FILLED.load(Ordering::Acquire) < i {
                    thread::yield_now();
                }
                let buffer = unsafe { BUFFER };
                assert_eq!(buffer, i);
                rx.recv().unwrap();
            }
        });
        for i in 1..=300 {
            tx.send(()).unwrap();
            unsafe { BUFFER = i };
            FILLED.store(i, Ordering::Release);
        }
    });
}
