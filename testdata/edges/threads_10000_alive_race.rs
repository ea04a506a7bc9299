//! Ten thousand threads are alive, and two of them race.
//@ slow
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, Builder};

const THREADS: usize = 10_000;
static ALIVE: AtomicU32 = AtomicU32::new(0);
static mut DATA: u64 = 0;

fn wait_for_all() {
    ALIVE.fetch_add(1, Ordering::Relaxed);
    while ALIVE.load(Ordering::Relaxed) < THREADS as u32 {
        thread::park();
    }
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
    let threads: Vec<_> = (0..THREADS)
        .map(|i| {
            let work = move || {
                wait_for_all();
                match i {
                    3_000 => {
                        unsafe { DATA = 1 }; // race: write
                        step::reach(1);
                        step::wait(2);
                    }
                    9_000 => {
                        step::wait(1);
                        unsafe { DATA = 2 }; // race: write
                        step::reach(2);
                    }
                    _ => (),
                }
            };
            Builder::new().stack_size(32 * 1024).spawn(work).unwrap()
        })
        .collect();
    while ALIVE.load(Ordering::Relaxed) < THREADS as u32 {
        thread::yield_now();
    }
    threads.iter().for_each(|t| t.thread().unpark());
    threads.into_iter().for_each(|t| t.join().unwrap());
    assert_eq!(unsafe { DATA }, 2);
}
