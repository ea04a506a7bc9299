//! An unaligned word over two granules, and a byte in the second one.
use std::thread;

#[repr(align(16))]
struct Bytes([u8; 64]);

static mut BYTES: Bytes = Bytes([0; 64]);

fn at(offset: usize) -> *mut u8 {
    unsafe { (&raw mut BYTES.0).cast::<u8>().add(offset) }
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
            let byte = unsafe { at(12).read() }; // race: read
            assert_eq!(byte, 0xee);
        });
        unsafe { at(13).write(1) };
        unsafe { at(5).cast::<u64>().write_unaligned(0xeeee_eeee_eeee_eeee) }; // race: write
        step::reach(1);
    });
}
