//! memmove inside of neighbouring ranges of one array, each with its own thread.
use std::hint::black_box;
use std::ptr;
use std::thread;

static mut BYTES: [u8; 1000] = [0; 1000];

fn at(i: usize) -> *mut u8 {
    unsafe { (&raw mut BYTES).cast::<u8>().add(i) }
}

fn main() {
    thread::scope(|s| {
        for me in 0..4usize {
            s.spawn(move || {
                for n in 0..50 {
                    unsafe {
                        let from = at(me * 250);
                        from.write(n);
                        ptr::copy(from, from.add(1), black_box(249));
                        assert_eq!(from.add(1).read(), n);
                    }
                }
            });
        }
    });
    assert_eq!(unsafe { (at(49).read(), at(50).read()) }, (1, 0));
}
