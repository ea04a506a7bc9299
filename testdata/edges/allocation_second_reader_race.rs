//! Zeroed memory is read by the thread that allocated it, and then by another that was not told of the allocation:
//! the two reads are no race, the second one and the allocation are.
use std::alloc::{Layout, alloc_zeroed};
use std::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use std::thread;

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

static BLOCK: AtomicPtr<u64> = AtomicPtr::new(std::ptr::null_mut());

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            step::wait(1);
            let block = BLOCK.load(Relaxed);
            assert_eq!(unsafe { block.add(5).read() }, 0); // race: read
            step::reach(2);
        });
        let block = unsafe { alloc_zeroed(Layout::new::<[u64; 8]>()) }.cast::<u64>(); // race: any
        assert_eq!(unsafe { block.add(5).read() }, 0);
        BLOCK.store(block, Relaxed);
        step::reach(1);
        step::wait(2);
    });
}
