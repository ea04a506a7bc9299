//! With `panic=abort`: locks, threads and channels as ever.
//@ flags: -C panic=abort
use std::sync::{Mutex, mpsc};
use std::thread;

static LOCK: Mutex<()> = Mutex::new(());
static mut DATA: u64 = 0;

fn main() {
    let (tx, rx) = mpsc::channel();
    thread::scope(|s| {
        for _ in 0..3 {
            let tx = tx.clone();
            s.spawn(move || {
                for _ in 0..100 {
                    let guard = LOCK.lock().unwrap();
                    unsafe { DATA += 1 };
                    drop(guard);
                    tx.send(()).unwrap();
                }
            });
        }
        drop(tx);
        assert_eq!(rx.iter().count(), 300);
    });
    assert_eq!(unsafe { DATA }, 300);
}
