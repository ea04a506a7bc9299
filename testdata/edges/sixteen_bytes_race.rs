//! A sixteen-byte store over three granules, and a byte in the last of them.
use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_set1_epi8, _mm_storeu_si128};
use std::thread;

#[repr(align(16))]
struct Bytes([u8; 128]);

static mut BYTES: Bytes = Bytes([0; 128]);

fn at(offset: usize) -> *mut u8 {
    unsafe { (&raw mut BYTES.0).cast::<u8>().add(offset) }
}

fn store(offset: usize, byte: i8) {
    unsafe { _mm_storeu_si128(at(offset).cast::<__m128i>(), _mm_set1_epi8(byte)) }; // race: write
}

fn load(offset: usize) -> [i8; 16] {
    unsafe { std::mem::transmute::<__m128i, [i8; 16]>(_mm_loadu_si128(at(offset).cast::<__m128i>())) }
}

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
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            let byte = unsafe { at(18).read() }; // race: read
            assert_eq!(byte, 7);
        });
        unsafe { at(19).write(1) };
        store(3, 7);
        step::reach(1);
    });
    assert_eq!(load(3), [7; 16]);
}
