//! Ten thousand threads are alive at once, each with its own slot, all of them ordered by the join.
//@ slow
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, Builder};

const THREADS: usize = 10_000;
static ALIVE: AtomicU32 = AtomicU32::new(0);
static mut SLOTS: [u32; THREADS] = [0; THREADS];

fn wait_for_all() {
    ALIVE.fetch_add(1, Ordering::Relaxed);
    while ALIVE.load(Ordering::Relaxed) < THREADS as u32 {
        thread::park();
    }
}

fn main() {
    let threads: Vec<_> = (0..THREADS)
        .map(|i| {
            let work = move || {
                wait_for_all();
                unsafe { SLOTS[i] = i as u32 };
            };
            Builder::new().stack_size(32 * 1024).spawn(work).unwrap()
        })
        .collect();
    while ALIVE.load(Ordering::Relaxed) < THREADS as u32 {
        thread::yield_now();
    }
    threads.iter().for_each(|t| t.thread().unpark());
    threads.into_iter().for_each(|t| t.join().unwrap());
    let slots = unsafe { SLOTS };
    assert!(slots.iter().enumerate().all(|(i, n)| i as u32 == *n));
}
