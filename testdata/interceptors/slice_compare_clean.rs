//! A comparison of slices reads up to the first difference; what is behind it may be written meanwhile.
use std::hint::black_box;
use std::thread;

static mut LEFT: [u8; 100] = [1; 100];
static RIGHT: [u8; 100] = [1; 100];

fn left(start: usize, size: usize) -> &'static [u8] {
    unsafe { std::slice::from_raw_parts((&raw const LEFT).cast::<u8>().add(start), size) }
}

fn main() {
    unsafe { (&raw mut LEFT).cast::<u8>().add(10).write(2) };
    thread::scope(|s| {
        s.spawn(|| {
            for i in 0..100 {
                unsafe { (&raw mut LEFT).cast::<u8>().add(11).write(i) };
            }
        });
        for _ in 0..100 {
            assert!(black_box(left(0, 11)) != black_box(&RIGHT[..11]));
            assert!(black_box(left(0, 10)) == black_box(&RIGHT[..10]));
            assert!(black_box(left(12, 80)) == black_box(&RIGHT[..80]));
        }
    });
}
