//! `read` fills the part of a buffer that it returns; other threads use the rest.
use std::io::{self, Read, Write};
use std::thread;

fn main() {
    let (mut rx, mut tx) = io::pipe().unwrap();
    let mut buffer = [0u8; 16];
    tx.write_all(&[1; 8]).unwrap();
    let end = buffer.as_mut_ptr() as usize + 8;
    thread::scope(|s| {
        for at in 0..4 {
            s.spawn(move || {
                for _ in 0..100 {
                    unsafe { ((end + 2 * at) as *mut u8).write(7) };
                    unsafe { ((end + 2 * at + 1) as *mut u8).write(7) };
                }
            });
        }
        assert_eq!(rx.read(&mut buffer).unwrap(), 8);
    });
    assert_eq!(buffer, [1, 1, 1, 1, 1, 1, 1, 1, 7, 7, 7, 7, 7, 7, 7, 7]);
}
