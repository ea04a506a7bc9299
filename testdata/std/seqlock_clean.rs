//! A seqlock around relaxed atomics, with the fences that it needs.
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::thread;

static SEQ: AtomicU64 = AtomicU64::new(0);
static DATA: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

fn write(value: u64) {
    let seq = SEQ.load(Ordering::Relaxed);
    SEQ.store(seq + 1, Ordering::Relaxed);
    fence(Ordering::Release);
    DATA[0].store(value, Ordering::Relaxed);
    DATA[1].store(value, Ordering::Relaxed);
    SEQ.store(seq + 2, Ordering::Release);
}

fn read() -> Option<[u64; 2]> {
    let before = SEQ.load(Ordering::Acquire);
    let data = [DATA[0].load(Ordering::Relaxed), DATA[1].load(Ordering::Relaxed)];
    fence(Ordering::Acquire);
    (before % 2 == 0 && SEQ.load(Ordering::Relaxed) == before).then_some(data)
}

fn main() {
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| {
                let mut last = 0;
                while last < 300 {
                    if let Some([a, b]) = read() {
                        assert!(a == b && a >= last);
                        last = a;
                    }
                    thread::yield_now();
                }
            });
        }
        (1..=300).for_each(write);
    });
}
