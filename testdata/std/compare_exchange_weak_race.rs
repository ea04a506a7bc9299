//! A list built by a compare-exchange loop that publishes relaxed.
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread;

struct Node {
    next: *mut Node,
}

static HEAD: AtomicPtr<Node> = AtomicPtr::new(ptr::null_mut());
const PUBLISH: Ordering = Ordering::Relaxed;

fn push(node: *mut Node) {
    let mut head = HEAD.load(Ordering::Relaxed);
    loop {
        unsafe { (*node).next = head }; // race: write
        match HEAD.compare_exchange_weak(head, node, PUBLISH, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => head = now,
        }
    }
}

fn main() {
    let mut node = Node { next: ptr::null_mut() };
    thread::scope(|s| {
        s.spawn(|| {
            let mut head: *mut Node = ptr::null_mut();
            while head.is_null() {
                thread::yield_now();
                head = HEAD.load(Ordering::Acquire);
            }
            let next = unsafe { (*head).next }; // race: read
            assert!(next.is_null());
        });
        push(&raw mut node);
    });
}
