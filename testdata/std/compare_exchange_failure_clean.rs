//! A compare-exchange that fails reads the other's value by its failure ordering: acquire.
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread;

static OBJECT: AtomicPtr<u64> = AtomicPtr::new(ptr::null_mut());
const LOST: Ordering = Ordering::Acquire;

/// Publishes `mine` or returns what another thread has published.
fn first(mine: *mut u64) -> *mut u64 {
    match OBJECT.compare_exchange(ptr::null_mut(), mine, Ordering::Release, LOST) {
        Ok(_) => mine,
        Err(theirs) => theirs,
    }
}

fn main() {
    for round in 0..60 {
        thread::scope(|s| {
            for _ in 0..4 {
                s.spawn(move || {
                    let mine = Box::into_raw(Box::new(round));
                    let winner = first(mine);
                    assert_eq!(unsafe { *winner }, round);
                    if winner != mine {
                        drop(unsafe { Box::from_raw(mine) });
                    }
                });
            }
        });
        drop(unsafe { Box::from_raw(OBJECT.swap(ptr::null_mut(), Ordering::Relaxed)) });
    }
}
