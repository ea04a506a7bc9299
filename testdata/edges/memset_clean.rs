//! memset of neighbouring ranges of one array, each with its own thread.
use std::hint::black_box;
use std::ptr;
use std::thread;

static mut BYTES: [u8; 1000] = [0; 1000];

fn at(i: usize) -> *mut u8 {
    unsafe { (&raw mut BYTES).cast::<u8>().add(i) }
}

fn main() {
    thread::scope(|s| {
        for me in 0..7u8 {
            s.spawn(move || {
                let from = at(me as usize * 141);
                for n in 0..50 {
                    unsafe { ptr::write_bytes(from, n + me, black_box(141)) };
                    assert_eq!(unsafe { (from.read(), from.add(140).read()) }, (n + me, n + me));
                }
            });
        }
    });
    assert_eq!(unsafe { at(987).read() }, 0);
}
