//! The reader frees and reuses the buffer that was written, once its bytes have come.
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread;

fn main() {
    let (mut rx, mut tx) = io::pipe().unwrap();
    let shared = AtomicPtr::new(std::ptr::null_mut::<[u8; 64]>());
    let shared = &shared;
    thread::scope(|s| {
        s.spawn(move || {
            for turn in 0..100u8 {
                let mut byte = [0; 64];
                rx.read_exact(&mut byte).unwrap();
                assert_eq!(byte, [turn; 64]);
                // SAFETY: the writer is done with the buffer, since its bytes are here.
                let mut buffer = unsafe { Box::from_raw(shared.load(Ordering::Relaxed)) };
                buffer.fill(0);
                drop(buffer);
                shared.store(std::ptr::null_mut(), Ordering::Relaxed);
            }
        });
        for turn in 0..100u8 {
            while !shared.load(Ordering::Relaxed).is_null() {
                thread::yield_now();
            }
            let buffer = Box::into_raw(Box::new([turn; 64]));
            shared.store(buffer, Ordering::Relaxed);
            tx.write_all(unsafe { &*buffer }).unwrap();
        }
    });
}
