//! memcpy between neighbouring ranges of one array, each with its own thread.
use std::hint::black_box;
use std::ptr;
use std::thread;

static mut SOURCE: [u8; 1000] = [3; 1000];
static mut TARGET: [u8; 1000] = [0; 1000];

fn source(i: usize) -> *mut u8 {
    unsafe { (&raw mut SOURCE).cast::<u8>().add(i) }
}

fn target(i: usize) -> *mut u8 {
    unsafe { (&raw mut TARGET).cast::<u8>().add(i) }
}

fn main() {
    thread::scope(|s| {
        for me in 0..7 {
            s.spawn(move || {
                for n in 0..50 {
                    unsafe {
                        source(me * 131).write(n);
                        ptr::copy_nonoverlapping(source(me * 131), target(me * 131), black_box(131));
                        assert_eq!(target(me * 131).read(), n);
                    }
                }
            });
        }
    });
    assert_eq!(unsafe { target(917).read() }, 0);
}
