//! Workers take jobs from one receiver in a lock, and each job is done by one of them.
use std::sync::{Mutex, mpsc};
use std::thread;

static mut OUTPUT: [u64; 400] = [0; 400];

fn main() {
    let (tx, rx) = mpsc::channel::<usize>();
    let rx = Mutex::new(rx);
    let job = || rx.lock().unwrap().recv();
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                while let Ok(i) = job() {
                    unsafe { OUTPUT[i] += i as u64 };
                }
            });
        }
        (0..400).for_each(|i| tx.send(i).unwrap());
        drop(tx);
    });
    let output = unsafe { OUTPUT };
    assert_eq!(output.iter().sum::<u64>(), 399 * 200);
}
