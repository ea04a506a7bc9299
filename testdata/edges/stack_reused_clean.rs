//! Detached threads, one after the other without an edge, whose stacks and thread-locals have the same addresses.
use std::hint::black_box;
use std::thread;

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

thread_local!(static LOCAL: RefCell<[u64; 100]> = const { RefCell::new([0; 100]) });
static FINISHED: AtomicUsize = AtomicUsize::new(0);

fn main() {
    for round in 0..200 {
        drop(thread::spawn(move || {
            let mut locals = [round; 2000];
            black_box(&mut locals);
            assert_eq!(locals.iter().sum::<u64>(), round * 2000);
            LOCAL.with_borrow_mut(|local| {
                assert_eq!(*local, [0; 100]);
                local.fill(round);
            });
            FINISHED.fetch_add(1, Ordering::Relaxed);
        }));
        while FINISHED.load(Ordering::Relaxed) < round as usize {
            thread::yield_now();
        }
    }
    while FINISHED.load(Ordering::Relaxed) < 200 {
        thread::yield_now();
    }
}
