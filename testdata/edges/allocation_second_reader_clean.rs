//! Zeroed memory is read by many who were told of its allocation by an acquire load of its address.
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread;

static BLOCK: AtomicPtr<u64> = AtomicPtr::new(std::ptr::null_mut());

fn main() {
    for _ in 0..50 {
        thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| {
                    let block = loop {
                        let block = BLOCK.load(Ordering::Acquire);
                        if !block.is_null() {
                            break block;
                        }
                        thread::yield_now();
                    };
                    assert_eq!((0..8).map(|i| unsafe { block.add(i).read() }).sum::<u64>(), 0);
                });
            }
            let block = unsafe { alloc_zeroed(Layout::new::<[u64; 8]>()) }.cast::<u64>();
            assert_eq!(unsafe { block.add(5).read() }, 0);
            BLOCK.store(block, Ordering::Release);
        });
        let block = BLOCK.swap(std::ptr::null_mut(), Ordering::Relaxed);
        unsafe { dealloc(block.cast(), Layout::new::<[u64; 8]>()) };
    }
}
