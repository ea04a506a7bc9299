//! Dekker's entry with SeqCst: of two threads that raise their flags and look, at most one goes in, and it clears with release.
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

static FLAGS: [AtomicBool; 2] = [AtomicBool::new(false), AtomicBool::new(false)];
static mut COUNT: u64 = 0;
const LEAVE: Ordering = Ordering::Release;

fn try_enter(me: usize) -> bool {
    FLAGS[me].store(true, Ordering::SeqCst);
    let free = !FLAGS[1 - me].load(Ordering::SeqCst);
    if !free {
        FLAGS[me].store(false, Ordering::SeqCst);
    }
    free
}

fn main() {
    let side = |me: usize| {
        let mut entered = 0;
        for _ in 0..500 {
            if try_enter(me) {
                unsafe { COUNT += 1 };
                entered += 1;
                FLAGS[me].store(false, LEAVE);
            }
            thread::yield_now();
        }
        entered
    };
    let total = thread::scope(|s| {
        let other = s.spawn(move || side(1));
        side(0) + other.join().unwrap()
    });
    assert_eq!(unsafe { COUNT }, total);
}
