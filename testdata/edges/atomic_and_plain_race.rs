//! A place that one thread uses atomically is read plainly by another.
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;

#[repr(C)]
struct Word {
    atomic: AtomicU8,
    plain: u8,
}

static mut WORD: Word = Word { atomic: AtomicU8::new(0), plain: 0 };

fn atomic() -> &'static AtomicU8 {
    // SAFETY: only the plain field is ever written through the static itself.
    unsafe { &*(&raw const WORD.atomic) }
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
            let value = unsafe { atomic().as_ptr().read() }; // race: read
            assert_eq!(value, 1);
        });
        unsafe { WORD.plain = 1 };
        atomic().store(1, Ordering::SeqCst); // race: atomic write
        step::reach(1);
    });
    assert_eq!(unsafe { WORD.plain }, 1);
}
