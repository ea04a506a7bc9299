//! A ring between one producer and one consumer: tail and head are released and acquired.
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// A cell that any thread may use and that orders nothing.
struct Shared<T>(UnsafeCell<T>);

// SAFETY: whether its uses are ordered is what this program is about.
unsafe impl<T> Sync for Shared<T> {}

const SLOTS: usize = 8;
const PUBLISH: Ordering = Ordering::Release;

static RING: Shared<[u64; SLOTS]> = Shared(UnsafeCell::new([0; SLOTS]));
static HEAD: AtomicUsize = AtomicUsize::new(0);
static TAIL: AtomicUsize = AtomicUsize::new(0);

fn push(value: u64) {
    let tail = TAIL.load(Ordering::Relaxed);
    while tail - HEAD.load(Ordering::Acquire) == SLOTS {
        thread::yield_now();
    }
    unsafe { (*RING.0.get())[tail % SLOTS] = value };
    TAIL.store(tail + 1, PUBLISH);
}

fn pop() -> u64 {
    let head = HEAD.load(Ordering::Relaxed);
    while TAIL.load(Ordering::Acquire) == head {
        thread::yield_now();
    }
    let value = unsafe { (*RING.0.get())[head % SLOTS] };
    HEAD.store(head + 1, Ordering::Release);
    value
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| (0..500).for_each(|n| assert_eq!(pop(), n)));
        (0..500).for_each(push);
    });
}
