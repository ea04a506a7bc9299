//! A compare-exchange that fails reads the other's value by its failure ordering: relaxed, it acquires nothing.
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread;

static OBJECT: AtomicPtr<u64> = AtomicPtr::new(ptr::null_mut());
const LOST: Ordering = Ordering::Relaxed;

/// Publishes `mine` or returns what another thread has published.
fn first(mine: *mut u64) -> *mut u64 {
    match OBJECT.compare_exchange(ptr::null_mut(), mine, Ordering::Release, LOST) {
        Ok(_) => mine,
        Err(theirs) => theirs,
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
    let mut ours = 0;
    let ours = &raw mut ours;
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            let winner = first(&raw mut *Box::new(2));
            assert_eq!(unsafe { *winner }, 1); // race: read
        });
        unsafe { *ours = 1 }; // race: write
        assert_eq!(first(ours), ours);
        step::reach(1);
    });
}
