//! The sender changes the data after it has sent the datagram.
use std::net::UdpSocket;
use std::thread;

static mut DATA: u64 = 0;

/// Fixes the order in real time. Relaxed, so that no happens-before edge comes with it.
mod step {
    use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

    static NOW: AtomicU32 = AtomicU32::new(0);

    pub fn reach(step: u32) {
        NOW.store(step, Relaxed);
    }

    pub fn wait(step: u32) {
        while NOW.load(Relaxed) < step {
            std::thread::yield_now();
        }
    }
}

fn main() {
    let near = UdpSocket::bind("127.0.0.1:0").unwrap();
    let far = UdpSocket::bind("127.0.0.1:0").unwrap();
    near.connect(far.local_addr().unwrap()).unwrap();
    far.connect(near.local_addr().unwrap()).unwrap();
    thread::scope(|s| {
        s.spawn(move || {
            far.recv(&mut [0]).unwrap();
            step::wait(1);
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        near.send(&[1]).unwrap();
        unsafe { DATA = 1 }; // race: write
        step::reach(1);
    });
}
