//! Objects published by a release store of their pointer.
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread;

static HEAD: AtomicPtr<u64> = AtomicPtr::new(ptr::null_mut());
const PUBLISH: Ordering = Ordering::Release;

fn take() -> *mut u64 {
    loop {
        let object = HEAD.swap(ptr::null_mut(), Ordering::Acquire);
        if !object.is_null() {
            return object;
        }
        thread::yield_now();
    }
}

fn main() {
    thread::scope(|s| {
        s.spawn(|| {
            for n in 0..300 {
                let object = unsafe { Box::from_raw(take()) };
                assert_eq!(*object, n);
            }
        });
        for n in 0..300 {
            let object = Box::into_raw(Box::new(n));
            while !HEAD.load(Ordering::Relaxed).is_null() {
                thread::yield_now();
            }
            HEAD.store(object, PUBLISH);
        }
    });
}
