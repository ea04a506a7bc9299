//! The receiver learns by the disconnection that the sender is done, and reads what it left. A rendezvous channel
//! tells it under its lock; the other two kinds read the mark with a relaxed load and promise no such edge.
use std::sync::mpsc;
use std::thread;

static mut LAST_WORDS: [u8; 8] = [0; 8];

fn main() {
    for round in 1..=60 {
        let (tx, rx) = mpsc::sync_channel::<()>(0);
        let (other, limit) = mpsc::sync_channel::<()>(0);
        thread::scope(|s| {
            s.spawn(move || {
                assert!(rx.recv().is_err());
                let words = unsafe { LAST_WORDS };
                assert_eq!(words, [round; 8]);
                drop(limit);
            });
            unsafe { LAST_WORDS = [round; 8] };
            drop(tx);
            assert!(other.send(()).is_err());
            unsafe { LAST_WORDS = [0; 8] };
        });
    }
}
