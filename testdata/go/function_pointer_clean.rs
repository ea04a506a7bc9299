//! A function pointer in an atomic, replaced with release and taken with acquire.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

fn one() -> u32 {
    1
}

fn two() -> u32 {
    2
}

const HOOKS: [fn() -> u32; 2] = [one, two];
static HOOK: AtomicUsize = AtomicUsize::new(0);

fn main() {
    thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| (0..200).for_each(|_| assert!(HOOKS[HOOK.load(Ordering::Acquire)]() <= 2)));
        }
        (0..200).for_each(|n| HOOK.store(n % 2, Ordering::Release));
    });
}
