//! A list built by a compare-exchange loop that publishes with release.
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread;

struct Node {
    next: *mut Node,
}

static HEAD: AtomicPtr<Node> = AtomicPtr::new(ptr::null_mut());
const PUBLISH: Ordering = Ordering::Release;

fn push(node: *mut Node) {
    let mut head = HEAD.load(Ordering::Relaxed);
    loop {
        unsafe { (*node).next = head };
        match HEAD.compare_exchange_weak(head, node, PUBLISH, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => head = now,
        }
    }
}

fn main() {
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| (0..100).for_each(|_| push(Box::into_raw(Box::new(Node { next: ptr::null_mut() })))));
        }
        s.spawn(|| {
            for _ in 0..20 {
                let mut node = HEAD.load(Ordering::Acquire);
                while !node.is_null() {
                    node = unsafe { (*node).next };
                }
            }
        });
    });
    let mut count = 0;
    let mut node = HEAD.load(Ordering::Relaxed);
    while !node.is_null() {
        node = unsafe { Box::from_raw(node) }.next;
        count += 1;
    }
    assert_eq!(count, 400);
}
