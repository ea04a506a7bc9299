//! Requests and answers over loopback hand the data to the server and back.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

static mut DATA: u64 = 0;

fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::scope(|s| {
        s.spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            while stream.read(&mut [0]).unwrap() == 1 {
                unsafe { DATA += 1 };
                stream.write_all(&[1]).unwrap();
            }
        });
        let mut stream = TcpStream::connect(address).unwrap();
        for i in 0..100 {
            unsafe { DATA += 1 };
            stream.write_all(&[1]).unwrap();
            stream.read_exact(&mut [0]).unwrap();
            assert_eq!(unsafe { DATA }, 2 * i + 2);
        }
    });
}
