//! Threads open pipes one after the other and get the same numbers; each uses its own pipe only.
use std::io::{self, Read, Write};
use std::sync::Mutex;
use std::thread;

fn main() {
    let passed = Mutex::new(0);
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for turn in 0..50u8 {
                    let (mut rx, mut tx) = io::pipe().unwrap();
                    tx.write_all(&[turn]).unwrap();
                    let mut byte = [0];
                    rx.read_exact(&mut byte).unwrap();
                    assert_eq!(byte, [turn]);
                    *passed.lock().unwrap() += 1;
                }
            });
        }
    });
    assert_eq!(passed.into_inner().unwrap(), 200);
}
