//! Bytes to and fro over a pair of Unix sockets hand the data over.
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;

static mut DATA: u64 = 0;

fn main() {
    let (mut near, mut far) = UnixStream::pair().unwrap();
    thread::scope(|s| {
        s.spawn(move || {
            for _ in 0..100 {
                far.read_exact(&mut [0]).unwrap();
                unsafe { DATA += 1 };
                far.write_all(&[1]).unwrap();
            }
        });
        for i in 0..100 {
            unsafe { DATA += 1 };
            near.write_all(&[1]).unwrap();
            near.read_exact(&mut [0]).unwrap();
            assert_eq!(unsafe { DATA }, 2 * i + 2);
        }
    });
}
