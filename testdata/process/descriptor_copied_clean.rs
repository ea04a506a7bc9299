//! Bytes go through copies of a socket pair's descriptors, there and back.
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;

static mut DATA: u64 = 0;

fn main() {
    let (mut a, b) = UnixStream::pair().unwrap();
    let mut copy = b.try_clone().unwrap();
    drop(b);
    thread::scope(|s| {
        s.spawn(move || {
            for _ in 0..100 {
                copy.read_exact(&mut [0]).unwrap();
                unsafe { DATA += 1 };
                copy.write_all(&[1]).unwrap();
            }
        });
        for turn in 0..100 {
            unsafe { DATA += 1 };
            a.write_all(&[1]).unwrap();
            a.read_exact(&mut [0]).unwrap();
            assert_eq!(unsafe { DATA }, 2 * turn + 2);
        }
    });
}
