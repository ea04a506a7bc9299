//! Sixteen-byte stores side by side, off the bounds of granules, each with its own thread.
use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_set1_epi8, _mm_storeu_si128};
use std::thread;

#[repr(align(16))]
struct Bytes([u8; 128]);

static mut BYTES: Bytes = Bytes([0; 128]);

fn at(offset: usize) -> *mut u8 {
    unsafe { (&raw mut BYTES.0).cast::<u8>().add(offset) }
}

fn store(offset: usize, byte: i8) {
    unsafe { _mm_storeu_si128(at(offset).cast::<__m128i>(), _mm_set1_epi8(byte)) };
}

fn load(offset: usize) -> [i8; 16] {
    unsafe { std::mem::transmute::<__m128i, [i8; 16]>(_mm_loadu_si128(at(offset).cast::<__m128i>())) }
}

fn main() {
    thread::scope(|s| {
        for me in 0..7 {
            s.spawn(move || {
                for n in 0..100 {
                    store(5 + 16 * me, n);
                    assert_eq!(load(5 + 16 * me), [n; 16]);
                }
            });
        }
    });
    assert_eq!(unsafe { (at(4).read(), at(117).read()) }, (0, 0));
}
