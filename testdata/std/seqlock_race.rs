//! A seqlock around plain data: the reader would throw a torn value away, but reading it is a race already.
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::thread;

static SEQ: AtomicU64 = AtomicU64::new(0);
static mut DATA: u64 = 0;

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

fn write(value: u64) {
    let seq = SEQ.load(Ordering::Relaxed);
    SEQ.store(seq + 1, Ordering::Relaxed);
    fence(Ordering::Release);
    unsafe { DATA = value }; // race: write
    SEQ.store(seq + 2, Ordering::Release);
}

fn read() -> Option<u64> {
    let before = SEQ.load(Ordering::Acquire);
    let data = unsafe { DATA }; // race: read
    fence(Ordering::Acquire);
    (before % 2 == 0 && SEQ.load(Ordering::Relaxed) == before).then_some(data)
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            write(1);
        });
        assert_eq!(read(), Some(0));
        step::reach(1);
    });
}
