//! An atomic word whose halves are used as atomics of their own, in phases that a barrier orders.
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::thread;

static WORD: AtomicU64 = AtomicU64::new(0);

fn half(i: usize) -> &'static AtomicU32 {
    // SAFETY: the word and its halves are never used at the same time; the barrier separates the phases.
    unsafe { &*WORD.as_ptr().cast::<AtomicU32>().add(i) }
}

fn main() {
    let gate = std::sync::Barrier::new(2);
    let side = |me: usize| {
        for phase in 0..100u64 {
            half(me).fetch_add(1, Ordering::Relaxed);
            gate.wait();
            let word = WORD.fetch_add(0x1_0000_0001, Ordering::AcqRel);
            assert!(word >> 32 >= 3 * phase + 1 && word as u32 as u64 >= 3 * phase + 1);
            gate.wait();
        }
    };
    thread::scope(|s| {
        s.spawn(|| side(1));
        side(0);
    });
    assert_eq!(WORD.load(Ordering::Relaxed), 300 << 32 | 300);
}
