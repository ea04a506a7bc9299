//! A byte through a pipe orders what came before its write in front of what comes after its read.
use std::io::{self, Read, Write};
use std::thread;

static mut DATA: u64 = 0;

fn main() {
    let (mut there, mut tx) = io::pipe().unwrap();
    let (mut back, mut reply) = io::pipe().unwrap();
    thread::scope(|s| {
        s.spawn(move || {
            for _ in 0..100 {
                there.read_exact(&mut [0]).unwrap();
                unsafe { DATA += 1 };
                reply.write_all(&[1]).unwrap();
            }
        });
        for i in 0..100 {
            unsafe { DATA += 1 };
            tx.write_all(&[1]).unwrap();
            back.read_exact(&mut [0]).unwrap();
            assert_eq!(unsafe { DATA }, 2 * i + 2);
        }
    });
}
