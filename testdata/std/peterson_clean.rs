//! Peterson's lock for two threads, SeqCst throughout.
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

static WANTS: [AtomicBool; 2] = [AtomicBool::new(false), AtomicBool::new(false)];
static TURN: AtomicUsize = AtomicUsize::new(0);
static mut COUNT: u64 = 0;
const LEAVE: Ordering = Ordering::SeqCst;

fn lock(me: usize) {
    let other = 1 - me;
    WANTS[me].store(true, Ordering::SeqCst);
    TURN.store(other, Ordering::SeqCst);
    while WANTS[other].load(Ordering::SeqCst) && TURN.load(Ordering::SeqCst) == other {
        thread::yield_now();
    }
}

fn unlock(me: usize) {
    WANTS[me].store(false, LEAVE);
}

fn main() {
    let side = |me| {
        for _ in 0..200 {
            lock(me);
            unsafe { COUNT += 1 };
            unlock(me);
        }
    };
    thread::scope(|s| {
        s.spawn(move || side(1));
        side(0);
    });
    assert_eq!(unsafe { COUNT }, 400);
}
