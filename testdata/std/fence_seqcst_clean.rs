//! Store-buffering with a SeqCst fence on both sides: at most one of the threads gets in.
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering, fence};
use std::thread;

static FLAGS: [AtomicU32; 2] = [AtomicU32::new(0), AtomicU32::new(0)];
static mut INSIDE: u64 = 0;

fn main() {
    let gate = Barrier::new(2);
    let side = |me: usize| {
        for _ in 0..150 {
            gate.wait();
            FLAGS[me].store(1, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            if FLAGS[1 - me].load(Ordering::Relaxed) == 0 {
                unsafe { INSIDE += 1 };
            }
            gate.wait();
            FLAGS[me].store(0, Ordering::Relaxed);
        }
    };
    thread::scope(|s| {
        s.spawn(|| side(1));
        side(0);
    });
    assert!(unsafe { INSIDE } <= 150);
}
