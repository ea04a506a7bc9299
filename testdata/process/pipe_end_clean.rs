//! The end of a pipe, which the reader sees, hands the data over.
use std::io::{self, Read};
use std::thread;

static mut DATA: u64 = 0;

fn main() {
    for turn in 0..50 {
        let (mut rx, tx) = io::pipe().unwrap();
        thread::scope(|s| {
            s.spawn(move || {
                assert_eq!(rx.read(&mut [0]).unwrap(), 0);
                unsafe { DATA += 1 };
            });
            unsafe { DATA += 1 };
            drop(tx);
        });
        assert_eq!(unsafe { DATA }, 2 * turn + 2);
    }
}
