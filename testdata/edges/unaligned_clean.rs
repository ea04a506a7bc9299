//! Unaligned words side by side over the bounds of granules, each with its own thread.
use std::thread;

#[repr(align(16))]
struct Bytes([u8; 64]);

static mut BYTES: Bytes = Bytes([0; 64]);

fn at(offset: usize) -> *mut u8 {
    unsafe { (&raw mut BYTES.0).cast::<u8>().add(offset) }
}

fn main() {
    thread::scope(|s| {
        for me in 0..7 {
            s.spawn(move || {
                for n in 0..100u64 {
                    let word = at(3 + 8 * me).cast::<u64>();
                    unsafe { word.write_unaligned(n << 32 | me as u64) };
                    assert_eq!(unsafe { word.read_unaligned() }, n << 32 | me as u64);
                    let half = at(3 + 8 * me).cast::<u32>();
                    assert_eq!(unsafe { half.read_unaligned() }, me as u32);
                }
            });
        }
    });
    assert_eq!(unsafe { (at(0).read(), at(2).read(), at(59).read()) }, (0, 0, 0));
}
