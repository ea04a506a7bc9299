//! Datagrams over loopback hand the data over, one at a time.
use std::net::UdpSocket;
use std::thread;

static mut DATA: u64 = 0;

fn main() {
    let near = UdpSocket::bind("127.0.0.1:0").unwrap();
    let far = UdpSocket::bind("127.0.0.1:0").unwrap();
    near.connect(far.local_addr().unwrap()).unwrap();
    far.connect(near.local_addr().unwrap()).unwrap();
    thread::scope(|s| {
        s.spawn(move || {
            for _ in 0..100 {
                far.recv(&mut [0]).unwrap();
                unsafe { DATA += 1 };
                far.send(&[1]).unwrap();
            }
        });
        for i in 0..100 {
            unsafe { DATA += 1 };
            near.send(&[1]).unwrap();
            near.recv(&mut [0]).unwrap();
            assert_eq!(unsafe { DATA }, 2 * i + 2);
        }
    });
}
