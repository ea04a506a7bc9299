//! The client changes the data after it has sent its request.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
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
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::scope(|s| {
        s.spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            stream.read_exact(&mut [0]).unwrap();
            step::wait(1);
            let data = unsafe { DATA }; // race: read
            assert_eq!(data, 1);
        });
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(&[1]).unwrap();
        unsafe { DATA = 1 }; // race: write
        step::reach(1);
    });
}
